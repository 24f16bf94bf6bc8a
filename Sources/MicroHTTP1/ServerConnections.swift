import MicroNIO
import MicroTLS
import NIOCore
import NIOHTTP1
import Synchronization

/// The connections of a server that are open, or whose handlers still run.
final class ServerConnections: Sendable {
    private struct State {
        var open: [Int: (loop: any EventLoop, connection: NIOLoopBound<ServerConnection>)] = [:]
        var lastID = 0
        var isClosing = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let limits: HTTP1Limits
    private let tls: TLSContext?
    private let room: HTTP1Server.RoomChoice
    private let handler: HTTP1Server.Handler
    private let state = Mutex(State())

    init(
        limits: HTTP1Limits, tls: TLSContext?, room: @escaping HTTP1Server.RoomChoice,
        handler: @escaping HTTP1Server.Handler
    ) {
        self.limits = limits
        self.tls = tls
        self.room = room
        self.handler = handler
    }

    /// Takes a connection in that was just accepted, and sets its channel up; called on its loop.
    ///
    /// What this throws closes the channel.
    func add(_ channel: any Channel) throws {
        let loop = channel.eventLoop
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        let connection = ServerConnection(channel, limits: limits, room: room, handler: handler) {
            [weak self] in self?.remove(id)
        }
        let bound = NIOLoopBound(connection, eventLoop: loop)
        let isTaken = state.withLock { state in
            guard !state.isClosing, state.open.count < limits.maximumConnections else { return false }
            state.open[id] = (loop, bound)
            return true
        }
        guard isTaken else { throw ChannelError.alreadyClosed }
        do {
            let pipeline = channel.pipeline.syncOperations
            if let tls { try pipeline.addHandler(TLSHandler(tls)) }
            try pipeline.addHandler(HTTPResponseEncoder())
            try pipeline.addHandler(
                ByteToMessageHandler(
                    HTTPRequestDecoder(
                        leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .drop,
                        limitConfiguration: limits.decoder)))
            try pipeline.addHandler(connection)
        } catch {
            remove(id)
            throw error
        }
    }

    /// Lets all connections finish what they answer, and close.
    func drain() {
        let open = state.withLock { state in
            state.isClosing = true
            return Array(state.open.values)
        }
        for (loop, connection) in open { loop.execute { connection.value.drain() } }
    }

    /// Cancels all handlers and closes all connections.
    func terminate() {
        for (loop, connection) in state.withLock({ Array($0.open.values) }) {
            loop.execute { connection.value.terminate() }
        }
    }

    /// Returns when no connection is open and no handler runs.
    func waitUntilEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if !state.open.isEmpty { state.waiters.append(continuation) }
                return state.open.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
    }

    private func remove(_ id: Int) {
        let waiters = state.withLock { state in
            state.open[id] = nil
            guard state.open.isEmpty else { return [] as [CheckedContinuation<Void, Never>] }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
