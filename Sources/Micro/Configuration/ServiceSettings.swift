internal import FoundationEssentials
import MicroCore

/// What a program says of its service in code; variables and flags go before it.
struct ServiceDefaults: Sendable {
    var name: String
    var version: String?
    var id: String?
    var address: String?
    var metadata: [String: String]

    /// The values by their keys, as somebody would set them.
    var settings: [String: String] {
        var settings = ["server.name": name]
        settings["server.version"] = version
        settings["server.id"] = id
        settings["server.address"] = address
        let pairs = metadata.map { "\($0.key)=\($0.value)" }.sorted()
        settings["server.metadata"] = pairs.isEmpty ? nil : pairs.joined(separator: ",")
        return settings
    }
}

/// The settings of a service, checked.
struct ServiceSettings: Sendable {
    private enum Keys {
        private static let year = 365 * 24 * 3600

        static let name = Setting(
            "server.name", .text("a name"), without: "the name in code", scope: .shared,
            "what the service is found by")
        static let version = Setting(
            "server.version", .text("a version"), default: "latest", scope: .shared,
            "its version in the registry")
        static let id = Setting(
            "server.id", .text("a name"), without: "a new UUID", scope: .shared,
            "the node's id is the name, `-` and this; with a UUID only the beginning of a name that would not fit a DNS "
                + "name beside it")
        static let address = Setting(
            "server.address", .listenAddress, default: ":0", scope: .shared,
            "where it listens; port 0 takes a free one, and names are for transports that have them")
        static let advertise = Setting(
            "server.advertise", .advertisedAddress, without: "an address of the machine", scope: .shared,
            "the address that is registered, where it differs, such as behind a port mapping")
        static let metadata = Setting(
            "server.metadata",
            SettingKind<[String: String]>("a list such as zone=a,rack=7", write: { _ in "" }, parse: pairs),
            default: [:], scope: .shared,
            "the node's metadata")
        static let compression = Setting(
            "server.compression", .choice(), default: Compression.identity, scope: .shared,
            "how replies are compressed for callers that understand it")
        static let deregistrationDelay = Setting(
            "server.deregistration.delay", .duration(in: .zero ... .seconds(60)), default: .milliseconds(200),
            scope: .shared, "between leaving the registry and refusing calls, for clients to notice")
        static let drainTimeout = Setting(
            "server.drain.timeout", .duration(in: .zero ... .seconds(3600)), default: .seconds(10),
            scope: .shared, "how long calls and events that run may take to finish at the stop")
        static let timeToLive = Setting(
            "register.ttl", .number(in: 0...year), default: 60, scope: .shared,
            "after how many seconds without a renewal the registry forgets the node; 0 for never")
        static let interval = Setting(
            "register.interval", .number(in: 0...year), default: 30, scope: .shared,
            "seconds between renewals; shorter than the TTL, 0 for never")

        private static func pairs(_ text: String) -> [String: String]? {
            var pairs: [String: String] = [:]
            for pair in text.split(separator: ",") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2, !parts[0].isEmpty else { return nil }
                pairs[String(parts[0])] = String(parts[1])
            }
            return pairs
        }
    }

    /// What operators may set.
    static var declarations: [SettingDeclaration] {
        [
            Keys.name.declaration, Keys.version.declaration, Keys.id.declaration, Keys.address.declaration,
            Keys.advertise.declaration, Keys.metadata.declaration, Keys.compression.declaration,
            Keys.deregistrationDelay.declaration, Keys.drainTimeout.declaration, Keys.timeToLive.declaration,
            Keys.interval.declaration,
        ]
    }

    let identity: ServiceIdentity

    /// Whether somebody chose the node's id, so that it isn't new for each run.
    let hasOwnID: Bool

    /// Where the first listener listens; what the text means is its transport's matter.
    let address: String
    let advertise: String?
    let metadata: [String: String]
    let timeToLive: Duration?
    let interval: Duration?
    let deregistrationDelay: Duration
    let drainTimeout: Duration
    let compression: Compression

    /// The zone in which the program runs, if that is known.
    let zone: String?

    init(_ settings: Settings, defaults: ServiceDefaults) throws(StartError) {
        identity = try Self.identity(settings, defaults: defaults)
        hasOwnID = try settings[Keys.id] ?? defaults.id != nil
        address = try settings.given(Keys.address) ?? defaults.address ?? Keys.address.defaultValue
        advertise = try settings[Keys.advertise]
        metadata = defaults.metadata.merging(try settings[Keys.metadata]) { $1 }
        (timeToLive, interval) = try Self.renewal(settings)
        deregistrationDelay = try settings[Keys.deregistrationDelay]
        drainTimeout = try settings[Keys.drainTimeout]
        compression = try settings[Keys.compression]
        zone = try SelectionSettings.zone(settings)
    }

    private static func identity(
        _ settings: Settings, defaults: ServiceDefaults
    ) throws(StartError) -> ServiceIdentity {
        let name = try settings[Keys.name] ?? defaults.name
        let isUsable = !name.isEmpty && name.utf8.count <= 255 && !name.contains("/")
        guard isUsable, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw StartError(
                .invalidConfiguration,
                "The service's name \"\(name)\" can't be used. It must be 1 to 255 characters of printable ASCII "
                    + "without \"/\"; MICRO_SERVER_NAME sets it.")
        }
        // What somebody chose stays as it is; of a long name only the beginning fits beside a UUID.
        let chosen = (try settings[Keys.id] ?? defaults.id).map { "\(name)-\($0)" }
        return ServiceIdentity(
            name: name,
            version: try settings.given(Keys.version) ?? defaults.version ?? Keys.version.defaultValue,
            nodeID: chosen ?? NodeID.make(name: name, unique: UUID().uuidString.lowercased()))
    }

    private static func renewal(_ settings: Settings) throws(StartError) -> (
        ttl: Duration?, interval: Duration?
    ) {
        let ttl = try settings[Keys.timeToLive]
        let interval = try settings[Keys.interval]
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
