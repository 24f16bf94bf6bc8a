import MicroCore

/// The settings of a client, checked.
///
/// ## Configuration keys
///
/// - `client.request.timeout` (5s), `client.retries` (1), `client.pool.size` (100 connections),
///   `client.pool.ttl` (60s): How long an unused connection stays open.
/// - `client.compression` (identity): How requests are compressed, `gzip`, `deflate` or `identity`.
/// - `client`: The protocol of nodes that don't say theirs.
/// - `proxy`, `network`, `network.address`: Where calls go in place of the service that they name.
struct ClientSettings: Sendable {
    let requestTimeout: Duration
    let retries: Int
    let compression: Compression
    let poolSize: Int
    let poolTimeToLive: Duration
    let redirection: Redirection

    init(_ settings: Settings) throws(StartError) {
        requestTimeout = try settings.duration(
            "client.request.timeout", in: .milliseconds(1) ... .seconds(86_400), default: .seconds(5))
        compression = try settings.compression("client.compression")
        retries = try settings.integer("client.retries", in: 0...100, default: 1)
        poolSize = try settings.integer("client.pool.size", in: 1...100_000, default: 100)
        poolTimeToLive = try settings.duration(
            "client.pool.ttl", in: .milliseconds(10) ... .seconds(86_400), default: .seconds(60))
        redirection = Redirection(settings)
    }
}

/// Where calls go in place of the service that they name, as in go-micro.
struct Redirection: Sendable {
    /// The service whose nodes are called in place of all others.
    var service: String?

    /// The address that is called in place of all others.
    var address: String?

    /// Whether calls go elsewhere than to the service that they name.
    var isActive: Bool { service != nil || address != nil }

    init(_ settings: Settings) {
        if let proxy = settings.string("proxy") {
            if proxy.contains(":") {
                address = proxy
            } else {
                service = proxy == "service" ? "go.micro.proxy" : proxy
            }
            return
        }
        if let network = settings.string("network") {
            service = network == "service" ? "go.micro.network" : network
        }
        address = settings.string("network.address")
    }
}
