import Logging
import MicroCore
import MicroNIO
import MicroTLS
import NIOCore
import Synchronization

/// The connections of a listener that are open, or whose handlers still run.
final class ConnectionTable: Sendable {
    private struct State {
        var connections: [Int: (loop: any EventLoop, connection: NIOLoopBound<ServerConnection>)] = [:]
        var lastID = 0
        var isClosing = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let logger: Logger

    /// Creates a table.
    ///
    /// - Parameter logger: The logger of the service, which the event loops know nothing of.
    init(logger: Logger) { self.logger = logger }

    /// Takes a connection in that was just accepted, and sets its channel up; called on its loop.
    func add(
        _ channel: any Channel, handler: any CallHandler, limits: HTTP2Limits, tls: TLSContext?
    ) throws {
        let loop = channel.eventLoop
        let peer = Peer(address: channel.remoteAddress.map(AddressText.of) ?? "unknown")
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        let connection = try ServerConnection(
            handler: handler, peer: peer, limits: limits, loop: loop, logger: logger
        ) { [weak self] in self?.remove(id) }
        let bound = NIOLoopBound(connection, eventLoop: loop)
        let isClosing = state.withLock { state in
            if !state.isClosing { state.connections[id] = (loop, bound) }
            return state.isClosing
        }
        guard !isClosing else { throw ChannelError.alreadyClosed }
        do {
            if let tls { try channel.pipeline.syncOperations.addHandler(TLSHandler(tls)) }
            try channel.pipeline.syncOperations.addHandler(connection)
        } catch {
            remove(id)
            throw error
        }
    }

    /// Lets all connections finish their calls and close.
    func drain() {
        let open = state.withLock { state in
            state.isClosing = true
            return Array(state.connections.values)
        }
        for (loop, connection) in open { loop.execute { connection.value.drain() } }
    }

    /// Cancels all calls and closes all connections.
    func terminate() {
        for (loop, connection) in state.withLock({ Array($0.connections.values) }) {
            loop.execute { connection.value.terminate() }
        }
    }

    /// Returns when no connection is open and no handler runs.
    func waitUntilEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if !state.connections.isEmpty { state.waiters.append(continuation) }
                return state.connections.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
    }

    private func remove(_ id: Int) {
        let waiters = state.withLock { state in
            state.connections[id] = nil
            guard state.connections.isEmpty else { return [] as [CheckedContinuation<Void, Never>] }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
