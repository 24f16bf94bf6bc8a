import Logging
import MicroCore
import MicroNIO
import MicroPluginKit
import MicroTLS
import NIOCore
import NIOHTTP1
import Synchronization

/// The connections of a server that are open, or whose handlers still run.
final class ServerConnections: Sendable {
    private struct Entry {
        let loop: any EventLoop
        let connection: NIOLoopBound<ServerConnection>
        var activity = ServerConnection.Activity.idle

        /// When it began to do that, in the order of all of them.
        var since: Int

        /// Whether it makes way for another one.
        var isLeaving = false
    }

    private struct State {
        var open: [Int: Entry] = [:]
        var lastID = 0
        var leaving = 0
        var isClosing = false

        /// Whether none is open, and none will be.
        var hasEnded: Bool { isClosing && open.isEmpty }
    }

    private let limits: HTTP1Limits
    private let tls: TLSContext?
    private let budget: HTTP1Server.BudgetChoice
    private let handler: HTTP1Server.Handler
    private let state = Mutex(State())

    /// Opens when the connections are drained: none is open, and no handler runs.
    let ended = Latch()

    private let logger = Logger.current
    private let throttle = LogThrottle(burst: 1)

    /// How many connections that make way for others may still be open.
    private static let maximumLeaving = 64

    init(
        limits: HTTP1Limits, tls: TLSContext?, budget: @escaping HTTP1Server.BudgetChoice,
        handler: @escaping HTTP1Server.Handler
    ) {
        self.limits = limits
        self.tls = tls
        self.budget = budget
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
        let connection = ServerConnection(channel, limits: limits, budget: budget, handler: handler) {
            [weak self] in
            self?.note($0, of: id)
        } onEnd: {
            [weak self] in
            self?.remove(id)
        }
        let bound = NIOLoopBound(connection, eventLoop: loop)
        guard admit(Entry(loop: loop, connection: bound, since: id), id) else {
            throw ChannelError.alreadyClosed
        }
        channel.closeFuture.whenComplete { _ in bound.value.ended() }
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

    /// Gives a connection a place, which another one makes if there is none.
    private func admit(_ entry: Entry, _ id: Int) -> Bool {
        let (isTaken, leaving) = state.withLock { state -> (Bool, Entry?) in
            guard !state.isClosing else { return (false, nil) }
            var leaving: Entry?
            if state.open.count - state.leaving >= limits.maximumConnections {
                guard state.leaving < Self.maximumLeaving, let other = Self.mostIdle(state) else {
                    return (false, nil)
                }
                state.open[other]?.isLeaving = true
                state.leaving += 1
                leaving = state.open[other]
            }
            state.open[id] = entry
            return (true, leaving)
        }
        if let leaving { leaving.loop.execute { leaving.connection.value.drain() } }
        if !isTaken || leaving != nil { warn(isTaken: isTaken) }
        return isTaken
    }

    /// The connection that makes way: the one that has been without a whole request for longest.
    ///
    /// So one that was just accepted has its chance.
    private static func mostIdle(_ state: State) -> Int? {
        state.open.filter { !$0.value.isLeaving && $0.value.activity != .busy }
            .min { $0.value.since < $1.value.since }?.key
    }

    private func warn(isTaken: Bool) {
        throttle.admit { suppressed in
            logger.warning(
                isTaken
                    ? "The HTTP server has as many connections as it takes; those without a request are closed."
                    : "The HTTP server has as many connections as it takes, all busy; new ones are closed.",
                metadata: [
                    "micro.connections": "\(limits.maximumConnections)", "suppressed": "\(suppressed)",
                ])
        }
    }

    private func note(_ activity: ServerConnection.Activity, of id: Int) {
        state.withLock { state in
            state.lastID += 1
            state.open[id]?.activity = activity
            state.open[id]?.since = state.lastID
        }
    }

    /// Lets all connections finish what they answer, and close.
    func drain() {
        let (open, hasEnded) = state.withLock { state in
            state.isClosing = true
            return (Array(state.open.values), state.hasEnded)
        }
        for entry in open { entry.loop.execute { entry.connection.value.drain() } }
        if hasEnded { ended.open() }
    }

    /// Cancels all handlers and closes all connections.
    func terminate() {
        for entry in state.withLock({ Array($0.open.values) }) {
            entry.loop.execute { entry.connection.value.terminate() }
        }
    }

    private func remove(_ id: Int) {
        let hasEnded = state.withLock { state in
            if state.open.removeValue(forKey: id)?.isLeaving == true { state.leaving -= 1 }
            return state.hasEnded
        }
        if hasEnded { ended.open() }
    }
}
