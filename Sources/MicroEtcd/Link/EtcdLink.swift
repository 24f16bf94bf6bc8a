internal import Logging
internal import MicroCore
internal import MicroGRPC
internal import MicroPluginKit
internal import MicroTLS
internal import Synchronization

/// The one connection to etcd, to whichever member can be used.
///
/// ``run()`` opens it, and opens it again when somebody who uses it reports that it is lost. Everybody
/// else waits for it.
final class EtcdLink: Sendable {
    private enum Phase {
        case unused
        case connecting
        case open(EtcdSession)
        case stopped(MicroError)
    }

    private struct State {
        var phase = Phase.unused

        /// Why each member couldn't be used when it was last tried.
        var failures: [EtcdEndpoint: MicroError] = [:]

        /// A connection that was given up, and is to be closed.
        var lost: [EtcdSession] = []
    }

    /// A connection that was lost sooner counts as a failed attempt, so that the next is not made at once.
    private static let shortLife = Duration.seconds(5)

    let configuration: EtcdConfiguration
    let endpoints: [EtcdEndpoint]
    private let tls: TLSContext?
    private let clock: any Clock<Duration>
    private let state = Mutex(State())
    private let stateChanged = Condition()

    /// Creates a link.
    ///
    /// - Parameters:
    ///   - configuration: Credentials and time limits.
    ///   - endpoints: The members, at least one; all of them say whether they are secure.
    ///   - tls: What secures connections to those that are.
    ///   - clock: The clock on which pauses pass.
    init(
        _ configuration: EtcdConfiguration, endpoints: [EtcdEndpoint], tls: TLSContext?,
        clock: any Clock<Duration>
    ) {
        self.configuration = configuration
        self.endpoints = endpoints
        self.tls = tls
        self.clock = clock
    }

    // MARK: For those who use it

    /// Returns the connection; waits until there is one.
    ///
    /// - Parameter deadline: Until when to wait; `nil` forever.
    /// - Returns: The connection.
    /// - Throws: A ``MicroError`` that says why there is none, or that the task was cancelled.
    func session(until deadline: ContinuousClock.Instant?) async throws(MicroError) -> EtcdSession {
        while true {
            let generation = stateChanged.generation
            switch state.withLock(\.phase) {
            case .stopped(let error): throw error
            case .open(let session) where session.connection.isUsable: return session
            case .open(let session): giveUp(session, nil)
            case .unused, .connecting:
                guard !Task.isCancelled else { throw EtcdErrors.cancelled }
                if let deadline, deadline <= .now { throw unreachable }
                await stateChanged.wait(since: generation, until: deadline)
            }
        }
    }

    /// Says that a call of a connection has failed in a way that another member may help against.
    ///
    /// With only one member a connection that still works is kept.
    func report(_ session: EtcdSession, _ error: MicroError) {
        guard !session.connection.isUsable || endpoints.count > 1 else { return }
        giveUp(session, error)
    }

    private func giveUp(_ session: EtcdSession, _ error: MicroError?) {
        let isCurrent = state.withLock { state in
            guard case .open(let current) = state.phase, current === session else { return false }
            state.phase = .connecting
            state.lost.append(session)
            state.failures[session.endpoint] = error ?? state.failures[session.endpoint]
            return true
        }
        if isCurrent { stateChanged.notifyAll() }
    }

    /// Says which member failed, why, and what to do.
    func text(_ error: MicroError, at endpoint: EtcdEndpoint) -> String {
        EtcdErrors.text(error, at: endpoint, for: configuration.naming)
    }

    /// Why there is no connection.
    private var unreachable: MicroError {
        let (phase, failures) = state.withLock { ($0.phase, $0.failures) }
        if case .unused = phase {
            return MicroError(
                .unavailable, "\(configuration.naming.client) doesn't run: nothing has called its run().",
                processed: .no)
        }
        let reasons = endpoints.map { endpoint in
            failures[endpoint].map { text($0, at: endpoint) } ?? "\(endpoint): no answer yet"
        }
        return MicroError(
            .unavailable, "etcd can't be reached. \(reasons.joined(separator: "; "))", processed: .no)
    }

    // MARK: The connection

    /// Keeps a connection open until the task is cancelled.
    ///
    /// - Throws: A ``StartError`` if at the start all members refuse us, or we them, for a reason that only
    ///   another configuration helps against.
    func run() async throws(StartError) {
        let mayRun = state.withLock { state in
            switch state.phase {
            case .unused, .stopped:
                state.phase = .connecting
                return true
            case .connecting, .open: return false
            }
        }
        guard mayRun else {
            throw StartError(.invalidConfiguration, "\(configuration.naming.client) was run twice.")
        }
        do throws(StartError) {
            try await keepConnected()
        } catch {
            await stop(MicroError(.unavailable, "\(error)", processed: .no))
            throw error
        }
        await stop(
            MicroError(.unavailable, "\(configuration.naming.client) has been stopped.", processed: .no))
    }

    private func keepConnected() async throws(StartError) {
        var order = endpoints
        // Not all clients of a cluster should end up at its first member.
        order.rotate(by: Int.random(in: 0..<max(1, order.count)))
        var backoff = ExponentialBackoff(first: .milliseconds(100), longest: .seconds(3))
        var hasConnected = false
        var hasWarned = false
        while !Task.isCancelled {
            await closeLost()
            guard let session = await connect(in: order) else {
                if !hasConnected { try checkRefusals() }
                if !Task.isCancelled, !hasWarned {
                    hasWarned = true
                    Logger.current.warning(
                        "etcd can't be reached; this is tried again.",
                        metadata: ["error": "\(unreachable.detail)"])
                }
                try? await clock.sleep(for: backoff.next())
                continue
            }
            if hasWarned {
                Logger.current.info("etcd is reached again.", metadata: ["address": "\(session.endpoint)"])
            }
            (hasConnected, hasWarned) = (true, false)
            let stopwatch = Stopwatch(clock)
            await waitUntilLost(session)
            if stopwatch.elapsed > Self.shortLife {
                backoff.reset()
            } else {
                try? await clock.sleep(for: backoff.next())
            }
            // The next member's turn, if there are several.
            order.rotate(by: (order.firstIndex(of: session.endpoint) ?? 0) + 1)
        }
    }

    private func waitUntilLost(_ session: EtcdSession) async {
        while !Task.isCancelled {
            let generation = stateChanged.generation
            guard case .open(let current) = state.withLock(\.phase), current === session else { return }
            await stateChanged.wait(since: generation)
        }
    }

    /// Tries each member once.
    private func connect(in order: [EtcdEndpoint]) async -> EtcdSession? {
        for endpoint in order where !Task.isCancelled {
            let opener = EtcdOpener(configuration: configuration, limit: attemptLimit, tls: tls)
            do {
                let session = try await opener.open(endpoint)
                state.withLock { state in
                    state.phase = .open(session)
                    state.failures = [:]
                }
                stateChanged.notifyAll()
                return session
            } catch {
                state.withLock { $0.failures[endpoint] = error }
            }
        }
        return nil
    }

    /// How long one member may take, so that callers learn the reason within their own limit.
    private var attemptLimit: Duration { configuration.timeout / (endpoints.count > 1 ? 3 : 1) * 0.8 }

    /// Ends the start if it can't succeed: somebody refuses, and nobody is merely away.
    private func checkRefusals() throws(StartError) {
        let failures = state.withLock(\.failures)
        let refusals = endpoints.compactMap { endpoint in
            failures[endpoint].flatMap { error -> String? in
                guard case .refused = EtcdFault(error) else { return nil }
                return text(error, at: endpoint)
            }
        }
        guard !refusals.isEmpty else { return }
        throw StartError(.security, "etcd can't be used. \(refusals.joined(separator: "; "))")
    }

    private func closeLost() async {
        let lost = state.withLock { state in
            defer { state.lost = [] }
            return state.lost
        }
        for session in lost { await session.connection.close(deadline: .now) }
    }

    private func stop(_ error: MicroError) async {
        state.withLock { state in
            if case .open(let session) = state.phase { state.lost.append(session) }
            state.phase = .stopped(error)
        }
        stateChanged.notifyAll()
        await closeLost()
    }
}

extension Array {
    /// Moves the first elements behind the others.
    fileprivate mutating func rotate(by count: Int) {
        guard !isEmpty else { return }
        self = Array(self[(count % self.count)...] + self[..<(count % self.count)])
    }
}
