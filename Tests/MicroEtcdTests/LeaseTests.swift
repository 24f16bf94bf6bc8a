import EtcdTestSupport
import MicroCore
import MicroEtcd
import MicroTestSupport
import MicroTesting
import Synchronization
import Testing

/// Leases in a real etcd.
@Suite(.timeLimit(.minutes(2))) struct LeaseTests {
    @Test func grantsRenewsAndRevokes() async throws {
        try await withEtcd { client, _ in
            let lease = try await client.grantLease(seconds: 100)
            #expect(lease.id != 0 && lease.seconds == 100)
            try await client.put(bytes("k"), bytes("v"), lease: lease.id)
            #expect(try await client.get(.key("k")).keyValues.first?.lease == lease.id)
            #expect(try await client.renewLease(lease.id) == 100)
            let status = try await client.leaseStatus(lease.id, includesKeys: true)
            #expect(status?.grantedSeconds == 100 && status?.keys == [bytes("k")])
            #expect((1...100).contains(status?.remainingSeconds ?? 0))
            #expect(try await client.leaseStatus(lease.id)?.keys == [])
            try await client.revokeLease(lease.id)
            #expect(try await client.get(.key("k")).keyValues.isEmpty)
            #expect(try await client.leaseStatus(lease.id) == nil)
            for use in [
                { try await client.revokeLease(lease.id) }, { _ = try await client.renewLease(lease.id) },
                { _ = try await client.put(bytes("k"), bytes("v"), lease: lease.id) },
            ] as [@Sendable () async throws -> Void] {
                let error = await #expect(throws: EtcdError.self) { try await use() }
                #expect(error?.code == .leaseNotFound, "\(String(describing: error))")
            }
        }
    }

    @Test func renewsALeaseThreeTimesInItsTimeToLive() async throws {
        let renewals = Mutex(0)
        var script = StubEtcd.Script()
        script.renewal = {
            renewals.withLock { $0 += 1 }
            return 60
        }
        try await StubEtcd(script).serve { address in
            let clock = ManualClock()
            // The clock may be ahead of an answer that is on its way, which is not overdue for that.
            let client = try makeClient(address, timeout: .seconds(3600), clock: clock)
            try await withClient(client) { client in
                let leases = EtcdLeases(client) { _ in }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { await leases.run() }
                    _ = try await leases.lease(seconds: 60, until: .now + .seconds(60))
                    for number in 1...6 {
                        try await eventually("renewal \(number)") { renewals.withLock(\.self) >= number }
                        #expect(await clock.advanceToNextDeadline() == .seconds(20))
                    }
                    group.cancelAll()
                }
            }
        }
    }

    @Test func keepsLeasesAliveAndTellsOfLostOnes() async throws {
        try await withEtcd { client, server in
            let lost = Mutex<[EtcdLease.ID]>([])
            let leases = EtcdLeases(client) { id in lost.withLock { $0.append(id) } }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await leases.run() }
                let deadline = ContinuousClock.now + .seconds(60)
                let short = try await leases.lease(seconds: 1, until: deadline)
                let long = try await leases.lease(seconds: 600, until: deadline)
                // One for each time to live.
                #expect(short != long)
                #expect(try await leases.lease(seconds: 1, until: deadline) == short)
                let granted = try #require(try await client.leaseStatus(short)).grantedSeconds
                try await Task.sleep(for: .seconds(granted + 2))
                #expect(try await client.leaseStatus(short) != nil && leases.isHeld(short))
                try await client.revokeLease(short)
                try await eventually("its end is told") { lost.withLock(\.self) == [short] }
                #expect(!leases.isHeld(short))
                let next = try await leases.lease(seconds: 1, until: deadline)
                #expect(next != short)
                await leases.revokeAll(until: deadline)
                #expect(try await server.ctl(["lease", "list"]).contains("found 0 leases"))
                group.cancelAll()
            }
        }
    }
}
