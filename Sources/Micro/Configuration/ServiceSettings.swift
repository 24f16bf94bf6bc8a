internal import FoundationEssentials
import MicroCore

/// What a program says of its service in code; variables and flags go before it.
struct ServiceDefaults: Sendable {
    var name: String
    var version: String?
    var id: String?
    var address: String?
    var metadata: [String: String]
}

/// The settings of a service, checked.
///
/// ## Configuration keys
///
/// - `server.name`, `server.version` (`latest`), `server.id` (a new UUID), `server.address` (`:0`),
///   `server.advertise`, `server.metadata` (`k=v,k=v`).
/// - `server.spread.delay` (200ms): How long to wait between leaving the registry and refusing calls.
/// - `server.drain.timeout` (10s): How long calls that run may take to finish when the service stops.
/// - `server.compression` (identity): How replies are compressed for callers that understand it: `gzip`,
///   `deflate` or `identity`.
/// - `register.ttl` (60) and `register.interval` (30): Seconds; 0 forever, and never.
struct ServiceSettings: Sendable {
    let identity: ServiceIdentity
    let address: ListenAddress
    let advertise: String?
    let metadata: [String: String]
    let timeToLive: Duration?
    let interval: Duration?
    let spreadDelay: Duration
    let drainTimeout: Duration
    let compression: Compression

    init(_ settings: Settings, defaults: ServiceDefaults) throws(StartError) {
        identity = try Self.identity(settings, defaults: defaults)
        address = try ListenAddress(
            parsing: settings.string("server.address") ?? defaults.address ?? ":0")
        if let value = settings.value("server.advertise"), HostPort.isNumber(value.text) {
            throw value.invalid("a host, or host:port such as 10.0.0.1:\(value.text)")
        }
        advertise = settings.string("server.advertise")
        metadata = try Self.metadata(settings, defaults: defaults)
        (timeToLive, interval) = try Self.renewal(settings)
        spreadDelay = try settings.duration(
            "server.spread.delay", in: .zero ... .seconds(60), default: .milliseconds(200))
        drainTimeout = try settings.duration(
            "server.drain.timeout", in: .zero ... .seconds(3600), default: .seconds(10))
        compression = try settings.compression("server.compression")
    }

    private static func identity(
        _ settings: Settings, defaults: ServiceDefaults
    ) throws(StartError) -> ServiceIdentity {
        let name = settings.string("server.name") ?? defaults.name
        let isUsable = !name.isEmpty && name.utf8.count <= 255 && !name.contains("/")
        guard isUsable, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw StartError(
                .invalidConfiguration,
                "The service's name \"\(name)\" can't be used. It must be 1 to 255 characters of printable ASCII "
                    + "without \"/\"; MICRO_SERVER_NAME sets it.")
        }
        // What somebody chose stays as it is; of a long name only the beginning fits beside a UUID.
        let chosen = (settings.string("server.id") ?? defaults.id).map { "\(name)-\($0)" }
        return ServiceIdentity(
            name: name, version: settings.string("server.version") ?? defaults.version ?? "latest",
            nodeID: chosen ?? NodeID.make(name: name, unique: UUID().uuidString.lowercased()))
    }

    private static func metadata(
        _ settings: Settings, defaults: ServiceDefaults
    ) throws(StartError) -> [String: String] {
        guard let value = settings.value("server.metadata") else { return defaults.metadata }
        var metadata = defaults.metadata
        for pair in value.text.split(separator: ",") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw value.invalid("a list such as zone=a,rack=7")
            }
            metadata[String(parts[0])] = String(parts[1])
        }
        return metadata
    }

    private static func renewal(_ settings: Settings) throws(StartError) -> (
        ttl: Duration?, interval: Duration?
    ) {
        let year = 365 * 24 * 3600
        let ttl = try settings.integer("register.ttl", in: 0...year, default: 60)
        let interval = try settings.integer("register.interval", in: 0...year, default: 30)
        if ttl > 0, interval == 0 || ttl <= interval {
            throw StartError(
                .invalidConfiguration,
                "MICRO_REGISTER_TTL is \(ttl) s and MICRO_REGISTER_INTERVAL is \(interval) s: the service would "
                    + "disappear from the registry while it runs. Make the interval shorter than the TTL, and "
                    + "above 0.")
        }
        return (ttl == 0 ? nil : .seconds(ttl), interval == 0 ? nil : .seconds(interval))
    }
}
