import MicroCore

/// What may be set of one of the transports that a service listens on.
struct ListenerSettings: Sendable {
    /// Where it listens.
    let address: Setting<String?>

    /// The address that is registered.
    let advertise: Setting<String?>

    /// Creates the settings of a listener.
    ///
    /// - Parameter name: The listener's name, see ``names(_:)``.
    init(_ name: String) {
        address = Setting(
            "server.\(name).address", .listenAddress,
            without: "MICRO_SERVER_ADDRESS, or a free port of its host",
            scope: .shared,
            "where a service listens on \(name)")
        advertise = Setting(
            "server.\(name).advertise", .advertisedAddress, without: "an address of the machine",
            scope: .shared,
            "the advertised address of its listener on \(name)")
    }

    /// What operators may set.
    var declarations: [SettingDeclaration] { [address.declaration, advertise.declaration] }

    /// Names listeners: by their transport, and with a number where there are several of one.
    ///
    /// - Parameter transports: The names of the transports.
    /// - Returns: A name for each.
    static func names(_ transports: [String]) -> [String] {
        var counts: [String: Int] = [:]
        return transports.map { transport in
            let count = counts[transport, default: 0] + 1
            counts[transport] = count
            return count == 1 ? transport : "\(transport)\(count)"
        }
    }
}

extension SettingKind where Value == String {
    /// Where a server listens, which its transport reads.
    static var listenAddress: Self {
        .text("host:port, :port, [IPv6]:port, unix:path or a name")
    }

    /// An advertised address.
    static var advertisedAddress: Self {
        Self("a host, or host:port such as 10.0.0.1:8080", write: \.self) {
            HostPort.isNumber($0) ? nil : $0
        }
    }
}
