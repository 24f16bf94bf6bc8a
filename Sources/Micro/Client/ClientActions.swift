import MicroCore

/// The work that calls leave for the client's `run()`, which owns all that takes longer than a call.
struct ClientActions: Sendable {
    enum Action: Sendable {
        case watch(DiscoveredService)
        case close(any Connection)
        case probe(PooledConnection)
    }

    private let continuation: AsyncStream<Action>.Continuation

    /// The work; it is bounded by the numbers of services and connections, which are bounded.
    let stream: AsyncStream<Action>

    init() {
        (stream, continuation) = AsyncStream.makeStream(of: Action.self)
    }

    func watch(_ entry: DiscoveredService) { continuation.yield(.watch(entry)) }

    func close(_ connection: any Connection) { continuation.yield(.close(connection)) }

    func probe(_ slot: PooledConnection) { continuation.yield(.probe(slot)) }

    func finish() { continuation.finish() }
}
