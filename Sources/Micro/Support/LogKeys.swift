/// The keys of log metadata: OpenTelemetry's names where they exist, `micro.` for the rest.
enum LogKeys {
    static let service = "rpc.service"
    static let endpoint = "rpc.method"
    static let address = "server.address"
    static let earlierAddress = "micro.server.address.earlier"
    static let transport = "micro.transport"
    static let interface = "network.interface.name"
    static let error = "error.message"
    static let suppressed = "micro.log.suppressed"
    static let reference = "micro.error.reference"
    static let version = "micro.version"
    static let node = "micro.node.id"
    static let registry = "micro.registry"
    static let signal = "process.signal"
    static let limit = "micro.limit"
    static let duration = "micro.duration"
    static let topic = "messaging.destination.name"
}
