internal import Logging
internal import MicroCore
internal import MicroPluginKit
internal import SwiftProtobuf
internal import Synchronization

/// The leases under which a process has its keys: one for each time to live, which is one as a rule.
///
/// ``run()`` keeps them alive on one stream. A lease that etcd no longer has is forgotten, and the next one who
/// needs it gets a new one.
public final class EtcdLeases: Sendable {
    private struct Lease {
        var id: EtcdLease.ID

        /// What etcd granted, in seconds; it may be more than was asked for.
        var granted: Int64

        /// Since when an answer to a renewal is awaited, in the age of the leases.
        var unansweredSince: Duration?
    }

    /// A lease that was granted for longer, in seconds, is renewed as if it were for this long.
    private static let longestGrant: Int64 = 86400

    private let client: EtcdClient

    /// The time since the first lease could be had.
    private let age: Stopwatch
    private let onLoss: @Sendable (EtcdLease.ID) -> Void

    /// The leases by the number of seconds that they were asked for.
    private let leases = Mutex<[Int64: Lease]>([:])
    private let turns = KeyedSerialQueue<Int64>()
    private let stateChanged = Condition()

    /// Creates leases.
    ///
    /// - Parameters:
    ///   - client: Makes the calls.
    ///   - onLoss: Called when etcd no longer has a lease, and so none of the keys under it.
    public init(_ client: EtcdClient, onLoss: @escaping @Sendable (EtcdLease.ID) -> Void) {
        self.client = client
        age = Stopwatch(client.clock)
        self.onLoss = onLoss
    }

    /// Returns whether a lease is one that etcd has, for all we know.
    ///
    /// - Parameter id: The lease.
    /// - Returns: Whether it is.
    public func isHeld(_ id: EtcdLease.ID) -> Bool { leases.withLock { $0.values.contains { $0.id == id } } }

    /// Returns the lease of a time to live, a new one if there is none.
    ///
    /// - Parameters:
    ///   - seconds: The time to live, in whole seconds as etcd has it.
    ///   - deadline: When to give up.
    /// - Returns: The lease's id.
    /// - Throws: An ``EtcdError`` that says why there is none.
    public func lease(
        seconds: Int64, until deadline: ContinuousClock.Instant
    ) async throws(EtcdError) -> EtcdLease.ID {
        if let id = leases.withLock({ $0[seconds]?.id }) { return id }
        return try await EtcdError.translating { () async throws(MicroError) in
            try await turns.run(seconds, cancelled: EtcdErrors.cancelled) {
                () async throws(MicroError) -> EtcdLease.ID in
                // Somebody else may have got it meanwhile.
                if let id = leases.withLock({ $0[seconds]?.id }) { return id }
                let granted = try await client.lease(seconds: seconds, until: deadline)
                let lease = Lease(
                    id: granted.id, granted: min(max(1, granted.seconds), Self.longestGrant))
                leases.withLock { $0[seconds] = lease }
                stateChanged.notifyAll()
                return granted.id
            }
        }
    }

    /// Forgets a lease that etcd no longer has.
    ///
    /// - Parameter id: The lease.
    public func lost(_ id: EtcdLease.ID) {
        let wasKnown = leases.withLock { leases in
            guard let seconds = leases.first(where: { $0.value.id == id })?.key else { return false }
            leases[seconds] = nil
            return true
        }
        guard wasKnown else { return }
        onLoss(id)
    }

    /// Gives all leases back, and with them the keys under them.
    ///
    /// - Parameter deadline: When to leave those that remain to end by themselves.
    public func revokeAll(until deadline: ContinuousClock.Instant) async {
        let ids = leases.withLock { leases in
            defer { leases = [:] }
            return leases.values.map(\.id)
        }
        for id in ids {
            do throws(EtcdError) {
                try await client.revokeLease(id, until: deadline)
            } catch {
                Logger.current.info(
                    "A lease could not be given back, and ends by itself.",
                    metadata: ["error": "\(error.message)"])
            }
        }
    }

    // MARK: Renewing

    /// Keeps the leases alive until the task is cancelled.
    public func run() async {
        var backoff = ExponentialBackoff()
        while !Task.isCancelled {
            let generation = stateChanged.generation
            guard leases.withLock({ !$0.isEmpty }) else {
                await stateChanged.wait(since: generation)
                continue
            }
            guard let session = try? await client.link.session(until: nil) else { return }
            let start = age.elapsed
            do throws(MicroError) {
                try await renew(on: session)
            } catch {
                client.link.report(session, error)
            }
            if age.elapsed - start > .seconds(5) { backoff.reset() }
            try? await client.clock.sleep(for: backoff.next())
        }
    }

    /// Renews the leases on one stream, until it breaks or the task is cancelled.
    private func renew(on session: EtcdSession) async throws(MicroError) {
        let stream = try await session.open(EtcdStreams.keepAlive)
        leases.withLock { leases in
            for seconds in leases.keys { leases[seconds]?.unansweredSince = nil }
        }
        // Whichever ends first, since the stream is broken or the task cancelled, ends the other.
        let error = await withTaskGroup(of: MicroError?.self) { group in
            group.addTask { await self.send(on: stream) }
            group.addTask { await self.receive(on: stream) }
            let error = await group.next() ?? nil
            stream.cancel()
            group.cancelAll()
            return error
        }
        if let error { throw error }
    }

    /// Asks for the renewal of all leases, three times in the shortest's time to live.
    private func send(on stream: any ClientCallStream) async -> MicroError? {
        while !Task.isCancelled {
            let generation = stateChanged.generation
            guard !isOverdue else {
                return MicroError(.unavailable, "etcd did not renew a lease within \(client.timeout).")
            }
            let now = age.elapsed
            let due = leases.withLock { leases in
                for seconds in leases.keys where leases[seconds]?.unansweredSince == nil {
                    leases[seconds]?.unansweredSince = now
                }
                return leases.values.map { ($0.id, Duration.seconds($0.granted) / 3) }
            }
            do throws(MicroError) {
                for (id, _) in due {
                    try await stream.send(
                        EtcdCoding.encode(EtcdPBLeaseKeepAliveRequest.with { $0.id = id }))
                }
            } catch {
                return error
            }
            await stateChanged.wait(
                since: generation, for: due.map(\.1).min(), clock: client.clock)
        }
        return nil
    }

    private var isOverdue: Bool {
        let limit = age.elapsed - client.timeout
        return leases.withLock { leases in
            leases.values.contains { $0.unansweredSince.map { $0 < limit } ?? false }
        }
    }

    private func receive(on stream: any ClientCallStream) async -> MicroError? {
        do throws(MicroError) {
            while let message = try await stream.receive() {
                let response: EtcdPBLeaseKeepAliveResponse = try EtcdCoding.decode(message)
                guard response.ttl > 0 else {
                    lost(response.id)
                    continue
                }
                leases.withLock { leases in
                    guard let seconds = leases.first(where: { $0.value.id == response.id })?.key else {
                        return
                    }
                    leases[seconds]?.unansweredSince = nil
                }
            }
            return MicroError(.unavailable, "etcd has ended the renewal of leases.")
        } catch {
            return error
        }
    }
}
