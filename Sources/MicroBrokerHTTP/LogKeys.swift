/// The keys of log metadata: OpenTelemetry's names.
enum LogKeys {
    static let topic = "messaging.destination.name"
    static let address = "server.address"
    static let error = "error.message"
}
