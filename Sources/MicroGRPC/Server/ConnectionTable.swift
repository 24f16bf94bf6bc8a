import Logging
import MicroCore
import MicroHTTP2
import MicroNIO
import MicroPluginKit
import MicroTLS
import NIOCore
import Synchronization

/// The connections of a listener that are open, or whose handlers still run.
final class ConnectionTable: Sendable {
    private struct State {
        var connections: [Int: (loop: any EventLoop, connection: NIOLoopBound<HTTP2Connection>)] = [:]
        var lastID = 0
        var isClosing = false
        var refusals = 0
        var isFull = false

        /// Whether none is open, and none will be.
        var hasEnded: Bool { isClosing && connections.isEmpty }
    }

    private let state = Mutex(State())

    /// Opens when the connections are drained: none is open, and no handler runs.
    let ended = Latch()

    private let logger: Logger

    /// One line a minute about requests that were malformed, of all connections.
    private let malformedLog = LogThrottle(burst: 1)

    private let maximum: Int

    /// Creates a table.
    ///
    /// - Parameters:
    ///   - maximum: How many connections it takes; `nil` for any number.
    ///   - logger: The logger of the service, which the event loops know nothing of.
    init(maximum: Int?, logger: Logger) {
        self.maximum = maximum ?? .max
        self.logger = logger
    }

    /// The number of clients that were refused for what they did.
    var refusals: Int { state.withLock(\.refusals) }

    /// Counts a client that was refused, and warns of the first one.
    private func countRefusal() {
        let isFirst = state.withLock { state in
            state.refusals += 1
            return state.refusals == 1
        }
        guard isFirst else { return }
        logger.warning("A client was refused for what it sent; each such client is logged at level info.")
    }

    /// Takes a connection in that was just accepted, and sets its channel up; called on its loop.
    func add(
        _ channel: any Channel, handler: any CallHandler, limits: GRPCLimits, tls: TLSContext?
    ) throws {
        let loop = channel.eventLoop
        let address = channel.remoteAddress
        let peer = Peer(
            address: address.map(AddressText.of) ?? "unknown", isLocal: address?.isThisMachine ?? false)
        guard let id = admit() else { throw ChannelError.alreadyClosed }
        let server = ServerConnection(
            handler: handler, peer: peer, limits: limits, logger: logger, malformedLog: malformedLog
        ) { [weak self] in
            self?.countRefusal()
        } onEnd: { [weak self] in
            self?.remove(id)
        }
        let connection = try HTTP2Connection(serving: server, limits: limits.http2, loop: loop)
        let bound = NIOLoopBound(connection, eventLoop: loop)
        let isAdmitted = state.withLock { state in
            // Another loop may have taken the last place meanwhile.
            guard !state.isClosing, state.connections.count < maximum else { return false }
            state.connections[id] = (loop, bound)
            return true
        }
        guard isAdmitted else { throw ChannelError.alreadyClosed }
        do {
            if let tls {
                try channel.pipeline.syncOperations.addHandler(
                    TLSHandler(tls, handshakeTimeout: limits.http2.handshakeTimeout))
            }
            try channel.pipeline.syncOperations.addHandler(connection)
        } catch {
            remove(id)
            throw error
        }
    }

    /// Returns the number of a new connection, or `nil` if there are as many as are allowed.
    private func admit() -> Int? {
        let (id, isNewlyFull) = state.withLock { state -> (Int?, Bool) in
            guard state.connections.count < maximum else {
                defer { state.isFull = true }
                return (nil, !state.isFull)
            }
            state.isFull = false
            state.lastID += 1
            return (state.lastID, false)
        }
        if isNewlyFull {
            logger.warning(
                "New connections are closed: there are as many as MICRO_SERVER_MAX_CONNECTIONS allows.",
                metadata: ["micro.connections": "\(maximum)"])
        }
        return id
    }

    /// Lets all connections finish their calls and close.
    func drain() {
        let (open, hasEnded) = state.withLock { state in
            state.isClosing = true
            return (Array(state.connections.values), state.hasEnded)
        }
        for (loop, connection) in open { loop.execute { connection.value.drain() } }
        if hasEnded { ended.open() }
    }

    /// Cancels all calls and closes all connections.
    func terminate() {
        for (loop, connection) in state.withLock({ Array($0.connections.values) }) {
            loop.execute { connection.value.terminate("The server is shutting down.") }
        }
    }

    private func remove(_ id: Int) {
        let hasEnded = state.withLock { state in
            state.connections[id] = nil
            return state.hasEnded
        }
        if hasEnded { ended.open() }
    }
}
