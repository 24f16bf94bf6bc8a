import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// The place of the one connection to a node.
///
/// It is opened by the first call that needs it, shared by all, and opened anew when it is lost. Calls
/// that come while it is being opened wait for that.
final class PooledConnection: Sendable {
    private enum State {
        case closed
        case opening(Opening)
        case open(any Connection)
    }

    private struct Guarded {
        var state = State.closed
        /// How often the connection was taken, by which the pool sees whether it is in use.
        var uses: UInt64 = 0
    }

    /// An attempt to open the connection, for which others wait.
    private final class Opening: Sendable {
        enum Outcome {
            case failed(MicroError)
            /// The one who tried gave up, or it is open: have a look at the slot.
            case lookAgain
        }

        let done = Latch()
        private let outcome = Mutex(Outcome.lookAgain)

        func end(_ new: Outcome) {
            outcome.withLock { $0 = new }
            done.open()
        }

        func failure() -> MicroError? {
            if case .failed(let error) = outcome.withLock({ $0 }) { error } else { nil }
        }
    }

    /// The node, as selectors see it.
    let candidate: Candidate
    private let name: PeerName
    private let transport: any Transport
    private let pool: ConnectionPool

    /// Whether the node is to be called.
    let health: NodeHealth
    private let guarded = Mutex(Guarded())

    init(
        _ candidate: Candidate, name: PeerName, transport: any Transport, pool: ConnectionPool,
        health: NodeHealth = NodeHealth()
    ) {
        self.candidate = candidate
        self.name = name
        self.transport = transport
        self.pool = pool
        self.health = health
    }

    var node: Node { candidate.node }

    /// The node, as the ejection of nodes sees it.
    var member: OutlierDetector.Member { OutlierDetector.Member(node: node, health: health) }

    /// Whether a connection of the slot would be one to a node, whatever else is known of it.
    func isFor(_ other: Node) -> Bool {
        other.address == node.address && NodeProtocol(of: other) == NodeProtocol(of: node)
    }

    /// A slot for the same node with other metadata, version or endpoints, which takes the connection over.
    func renamed(_ node: Node, version: String, endpoints: Set<String>?) -> PooledConnection {
        let slot = PooledConnection(
            Candidate(node, version: version, endpoints: endpoints, former: candidate), name: name,
            transport: transport, pool: pool, health: health)
        let connection = guarded.withLock { guarded -> (any Connection)? in
            guard case .open(let connection) = guarded.state else { return nil }
            guarded.state = .closed
            return connection
        }
        if let connection {
            slot.guarded.withLock { $0.state = .open(connection) }
            pool.moved(from: self, to: slot)
        }
        return slot
    }

    /// Whether the node could not be connected to lately, so that others are preferred.
    var isDown: Bool { health.isDown }

    /// Has a node that is down probed, once its back-off has passed.
    func probeIfDue(now: Uptime) { if health.claimProbe(now: now) { pool.probe(self) } }

    /// Tries to connect, to find out whether the node is back; one that was ejected is asked for its health as well.
    func probe() async {
        let deadline = ContinuousClock.now + NodeHealth.probeLimit
        // If there is no connection, the attempt has marked the node again; there is no call to tell.
        let connection = try? await connection(deadline: deadline)
        guard health.isEjected, let detector = health.detector else { return }
        var isHealthy = false
        if let connection { isHealthy = await HealthCheck.passes(connection, deadline: deadline) }
        // A client that stops has learnt nothing.
        guard !Task.isCancelled else { return }
        detector.probed(member, isHealthy: isHealthy)
    }

    /// The connection, if it is open and new calls can be made on it.
    var openConnection: (any Connection)? {
        guarded.withLock { guarded in
            guard case .open(let connection) = guarded.state, connection.isUsable else { return nil }
            guarded.uses &+= 1
            return connection
        }
    }

    /// Returns the connection; opens it if need be.
    ///
    /// - Parameter deadline: How long to wait for it.
    /// - Returns: The open connection.
    /// - Throws: Why there is none, in which case the call was not made.
    func connection(deadline: ContinuousClock.Instant) async throws(MicroError) -> any Connection {
        while true {
            switch next() {
            case .open(let connection):
                return connection
            case .opening(let opening, isOurs: true):
                return try await open(opening, deadline: deadline)
            case .opening(let opening, isOurs: false):
                let isDone = await opening.done.wait(until: deadline)
                if Task.isCancelled { throw ClientErrors.cancelled() }
                guard isDone else { throw tooLate() }
                if let failure = opening.failure() { throw failure }
            }
        }
    }

    private enum Step {
        case open(any Connection)
        case opening(Opening, isOurs: Bool)
    }

    private func next() -> Step {
        let (step, lost) = guarded.withLock { guarded -> (Step, (any Connection)?) in
            var lost: (any Connection)?
            switch guarded.state {
            case .open(let connection) where connection.isUsable:
                guarded.uses &+= 1
                return (.open(connection), nil)
            case .opening(let opening):
                return (.opening(opening, isOurs: false), nil)
            case .open(let connection):
                lost = connection
            case .closed:
                break
            }
            let opening = Opening()
            guarded.state = .opening(opening)
            return (.opening(opening, isOurs: true), lost)
        }
        if let lost { pool.discard(lost, of: self) }
        return step
    }

    private func open(
        _ opening: Opening, deadline: ContinuousClock.Instant
    ) async throws(MicroError) -> any Connection {
        let connection: any Connection
        do {
            try pool.admit(self)
            connection = try await dialNotingHealth(deadline)
        } catch {
            pool.closed(self)
            guarded.withLock { $0.state = .closed }
            // A caller who gave up says nothing of the node: the next one tries itself.
            let isNodesFault = error.status != .cancelled && error.status != .deadlineExceeded
            opening.end(isNodesFault ? .failed(error) : .lookAgain)
            throw error
        }
        guarded.withLock { guarded in
            guarded.state = .open(connection)
            guarded.uses &+= 1
        }
        opening.end(.lookAgain)
        // The client may have stopped meanwhile; then nobody else would close it.
        if pool.isStopped { pool.discard(connection, of: self) }
        return connection
    }

    /// Dials, and marks the node by how that went.
    private func dialNotingHealth(
        _ deadline: ContinuousClock.Instant
    ) async throws(MicroError) -> any Connection {
        let begin = ContinuousClock.now
        do {
            let connection = try await dial(deadline)
            health.connected()
            return connection
        } catch {
            let isNodesFault =
                switch error.status {
                case .cancelled: false
                // A node that drops packets is as dead as one that refuses, but an impatient caller is no proof.
                case .deadlineExceeded: .now - begin >= NodeHealth.shortestFailure
                default: true
                }
            if isNodesFault { health.connectFailed(now: Uptime(pool.time.now)) }
            throw error
        }
    }

    private func dial(_ deadline: ContinuousClock.Instant) async throws(MicroError) -> any Connection {
        let (node, name, transport) = (node, name, transport)
        do {
            // A child task stays on the caller's event loop, if it has one, and so does the connection.
            let connection = try await withDeadline(deadline) {
                try await transport.connect(to: node, as: name)
            }
            guard let connection else { throw tooLate() }
            // One that was opened just too late may be about to close, since its task was cancelled.
            guard .now < deadline else {
                pool.discard(connection, of: self)
                throw tooLate()
            }
            return connection
        } catch {
            if Task.isCancelled { throw ClientErrors.cancelled() }
            var failure = ClientErrors.outcome(error)
            if !(error is MicroError) {
                failure = ClientErrors.unavailable(
                    "\(node.address.printableAddress()): \(error)", cause: error)
            }
            failure.processed = .no
            throw failure
        }
    }

    private func tooLate() -> MicroError {
        ClientErrors.deadlineExceeded("\(node.address.printableAddress()) was not reached in time")
    }

    /// Takes an unused connection out, to be closed.
    ///
    /// - Parameter uses: The number of uses at which the connection counts as unused.
    /// - Returns: The connection, if it is unused or lost.
    func takeIdle(uses: UInt64) -> (any Connection)? {
        guarded.withLock { guarded in
            guard case .open(let connection) = guarded.state else { return nil }
            guard !connection.isUsable || (guarded.uses == uses && connection.activeCalls == 0) else {
                return nil
            }
            guarded.state = .closed
            return connection
        }
    }

    /// Takes the connection out, to be closed, whether it is in use or not.
    func take() -> (any Connection)? {
        guarded.withLock { guarded in
            guard case .open(let connection) = guarded.state else { return nil }
            guarded.state = .closed
            return connection
        }
    }

    /// Whether calls run on the connection.
    var isInUse: Bool {
        guarded.withLock { guarded in
            guard case .open(let connection) = guarded.state else { return false }
            return connection.activeCalls > 0
        }
    }

    /// How often the connection was taken.
    var uses: UInt64 { guarded.withLock { $0.uses } }
}
