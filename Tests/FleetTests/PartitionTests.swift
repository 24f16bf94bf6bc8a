import Foundation
import Micro
import MicroCore
import MicroTesting
import Testing

/// Nothing passes between the clients and a service for three seconds, and neither side sees an error.
@Suite(.serialized, .timeLimit(.minutes(5))) struct PartitionTests {
    private static let timeout = Duration.milliseconds(400)

    @Test func noCallOutlivesItsDeadline() async throws {
        try await Fleet.run(behindProxies: 3) { fleet, proxies in
            var (cut, healed) = (ContinuousClock.now, ContinuousClock.now)
            let calls = try await Load.run(on: fleet, callers: 10, .timeout(Self.timeout)) { load in
                cut = .now
                for proxy in proxies { await proxy.partition() }
                try await Task.sleep(for: .seconds(3))
                for proxy in proxies { await proxy.restore() }
                healed = .now
                // All of it is as before.
                try await load.waitForSuccesses(200)
            }
            let amid = calls.begun(cut + .milliseconds(100)..<healed - Self.timeout)
            #expect(amid.count >= 10 && amid.allSatisfy { $0.error?.status == .deadlineExceeded })
            let latest = calls.map(\.duration).max() ?? .zero
            #expect(latest <= Self.timeout + Soak.limit(.milliseconds(50)), "\(calls.summary)")
            Soak.report("partition of 3 s: the longest call took \(latest) with a limit of \(Self.timeout)")
        }
    }

    /// With others to go to, calls go on: a node that does not answer is none of the choice for long.
    @Test func oneUnreachableInstanceIsNoReasonToFailForLong() async throws {
        try await Fleet.run(behindProxies: 3) { fleet, proxies in
            let options = CallOptions(timeout: Self.timeout, retry: .idempotent)
            let calls = try await Load.run(on: fleet, callers: 10, options) { load in
                await proxies[0].cut(refusingNew: true)
                try await load.waitForSuccesses(200)
                await proxies[0].restore()
                try await load.waitForSuccesses(200)
            }
            #expect(calls.failures.isEmpty, "\(calls.summary)")
        }
    }
}
