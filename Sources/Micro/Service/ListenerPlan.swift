internal import FoundationEssentials
import MicroCore

/// One of the transports that a service listens on: where, and what is registered of it.
///
/// The first one has the service's own address. The others take a free port of the same host, and of the address that
/// others get the host alone. What is set for a listener goes before both.
struct ListenerPlan: Sendable {
    let transport: any Transport
    let address: ListenAddress
    let advertise: String?
    let nodeID: String

    /// Returns what a service listens on.
    ///
    /// - Parameters:
    ///   - transports: The transports; the first one has the service's own address and node id.
    ///   - service: The service's settings.
    ///   - settings: The configuration.
    /// - Returns: A plan for each transport.
    /// - Throws: A ``StartError`` if an address can't be used.
    static func all(
        _ transports: [any Transport], _ service: ServiceSettings, _ settings: Settings
    ) throws(StartError) -> [ListenerPlan] {
        var plans: [ListenerPlan] = []
        let names = ListenerSettings.names(transports.map(\.nodeProtocol.transport))
        for (transport, name) in zip(transports, names) {
            let keys = ListenerSettings(name)
            let advertise = try settings[keys.advertise]
            let own = try settings[keys.address]
            guard let first = plans.first else {
                plans = [
                    ListenerPlan(
                        transport: transport, address: try read(own ?? service.address, transport),
                        advertise: advertise ?? service.advertise, nodeID: service.identity.nodeID)
                ]
                continue
            }
            let address = try own.map { text throws(StartError) in try read(text, transport) }
            plans.append(
                ListenerPlan(
                    transport: transport, address: address ?? beside(first.address),
                    advertise: advertise
                        ?? (transport.usesNamedAddresses ? nil : service.advertise.flatMap(host)),
                    nodeID: service.hasOwnID
                        ? "\(service.identity.nodeID)-\(name)"
                        : NodeID.make(name: service.identity.name, unique: UUID().uuidString.lowercased())))
        }
        return plans
    }

    private static func read(
        _ text: String, _ transport: any Transport
    ) throws(StartError) -> ListenAddress {
        guard transport.usesNamedAddresses else { return try ListenAddress(parsing: text) }
        return try ListenAddress(parsing: text, scheme: transport.nodeProtocol.transport)
    }

    /// Returns a free port or name beside the first listener: of the same host, so that a service that was told to
    /// listen on the loopback alone does so with all of its transports.
    private static func beside(_ first: ListenAddress) -> ListenAddress {
        let host = first.hostPort?.host ?? (first.unixSocketPath == nil ? "" : "127.0.0.1")
        return .host(host, port: 0)
    }

    /// The host of an advertised address.
    private static func host(_ advertise: String) -> String? {
        guard let host = HostPort.split(advertise)?.host, !host.isEmpty else { return nil }
        return host.contains(":") ? "[\(host)]" : host
    }
}
