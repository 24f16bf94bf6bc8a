import MicroCore

/// The settings of a client, checked.
struct ClientSettings: Sendable {
    private enum Keys {
        static let requestTimeout = Setting(
            "client.request.timeout", .duration(in: .milliseconds(1) ... .seconds(86_400)),
            default: .seconds(5),
            scope: .shared, "how long a call may take, attempts included")
        static let retries = Setting(
            "client.retries", .number(in: 0...100), default: 1, scope: .shared,
            "how many more attempts a call has at most, if its failed ones may be made again: that is where it has surely "
                + "not been processed, unless call, method or service config say more. An attempt that no node has seen "
                + "does not count while there are nodes that were not tried")
        static let retryBudget = Setting(
            "client.retry.budget", .number(in: 0...100), default: 10, scope: .shared,
            "how many of 100 calls to a service may be retries, beside one each second. Retries of all calls would keep a "
                + "service down that has too much to do")
        static let serviceConfig = Setting(
            "client.service.config", .text("a path"), scope: .shared,
            "a file with gRPC's service config: time-outs, retries and hedging by method")
        static let compression = Setting(
            "client.compression", .choice(), default: Compression.identity, scope: .shared,
            "how requests are compressed, which not every server reads")
        static let poolSize = Setting(
            "client.pool.size", .number(in: 1...100_000), default: 100, scope: .shared,
            "how many connections are kept at most")
        static let poolTimeToLive = Setting(
            "client.pool.ttl", .duration(in: .milliseconds(10) ... .seconds(86_400)), default: .seconds(60),
            scope: .shared, "how long an unused one stays open")
    }

    /// What operators may set.
    static var declarations: [SettingDeclaration] {
        [
            Keys.requestTimeout.declaration, Keys.retries.declaration, Keys.retryBudget.declaration,
            Keys.serviceConfig.declaration, Keys.compression.declaration,
            Keys.poolSize.declaration, Keys.poolTimeToLive.declaration,
        ] + Redirection.declarations
    }

    let requestTimeout: Duration
    let retries: Int
    let retryBudget: RetryBudget.Limits

    /// What the operator says of methods.
    let serviceConfig: ServiceConfig
    let compression: Compression
    let poolSize: Int
    let poolTimeToLive: Duration
    let redirection: Redirection
    let selection: SelectionSettings
    let outliers: OutlierSettings

    init(_ settings: Settings) throws(StartError) {
        requestTimeout = try settings[Keys.requestTimeout]
        compression = try settings[Keys.compression]
        retries = try settings[Keys.retries]
        let file = try settings[Keys.serviceConfig]
        let serviceConfig: ServiceConfig
        if let file { serviceConfig = try ServiceConfig(file: file) } else { serviceConfig = ServiceConfig() }
        self.serviceConfig = serviceConfig
        let retriesOf100 = try settings[Keys.retryBudget]
        retryBudget = serviceConfig.budget ?? RetryBudget.Limits(part: Double(retriesOf100) / 100)
        poolSize = try settings[Keys.poolSize]
        poolTimeToLive = try settings[Keys.poolTimeToLive]
        redirection = try Redirection(settings)
        selection = try SelectionSettings(settings)
        outliers = try OutlierSettings(settings)
    }
}

/// Where calls go in place of the service that they name, as in go-micro.
struct Redirection: Sendable {
    private enum Keys {
        static let proxy = Setting(
            "proxy", .text("an address, or a service's name"), scope: .shared,
            "calls all go to this address, or to the nodes of this service, in place of the one that they name; their "
                + "paths are `/SERVICE.Type/Method`, by which go-micro's proxy knows the service")
        static let network = Setting(
            "network", .text("a service's name"), scope: .shared, "the same for go-micro's network service")
        static let networkAddress = Setting(
            "network.address", .text("an address"), scope: .shared,
            "the address of go-micro's network service")
    }

    /// What operators may set.
    static var declarations: [SettingDeclaration] {
        [Keys.proxy.declaration, Keys.network.declaration, Keys.networkAddress.declaration]
    }

    /// The service whose nodes are called in place of all others.
    var service: String?

    /// The address that is called in place of all others.
    var address: String?

    /// Whether calls go elsewhere than to the service that they name.
    var isActive: Bool { service != nil || address != nil }

    init(_ settings: Settings) throws(StartError) {
        if let proxy = try settings[Keys.proxy] {
            if proxy.contains(":") {
                address = proxy
            } else {
                service = proxy == "service" ? "go.micro.proxy" : proxy
            }
            return
        }
        if let network = try settings[Keys.network] {
            service = network == "service" ? "go.micro.network" : network
        }
        address = try settings[Keys.networkAddress]
    }
}
