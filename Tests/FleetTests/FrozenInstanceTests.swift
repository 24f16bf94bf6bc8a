import Foundation
import Micro
import MicroCore
import Testing

/// An instance does nothing for a while, and its connections stay open: SIGSTOP, as a machine that swaps looks like.
@Suite(.serialized, .timeLimit(.minutes(5))) struct FrozenInstanceTests {
    private static let pause = Duration.seconds(Soak.isOn ? 10 : 4)
    private static let timeout = Duration.milliseconds(500)

    /// Nobody hears that the instance is frozen, so calls on it end with their deadlines, and no later.
    @Test func noCallOutlivesItsDeadlineAndAllIsWellAfterwards() async throws {
        let phases = try await Phases.measure(CallOptions(timeout: Self.timeout), pause: Self.pause)
        let longest = phases.all.map(\.duration).max() ?? .zero
        #expect(longest <= Self.timeout + Soak.limit(.milliseconds(50)), "\(phases.all.summary)")
        #expect(phases.frozen.failures.allSatisfy { $0.error?.status == .deadlineExceeded })
        #expect(phases.frozen.count > phases.frozen.failures.count * 2, "\(phases.all.summary)")
        // The node is not chosen any more 2 s later, but to see whether it is back.
        let limit = Soak.limit(phases.before.quantile(0.99) * 2)
        #expect(phases.settled.quantile(0.99) < limit, "\(phases.all.summary)")
        #expect(phases.after.failures.isEmpty, "\(phases.all.summary)")
        #expect(phases.after.quantile(0.99) < limit)
        phases.report("SIGSTOP")
    }

    /// A second attempt on another node makes up for the one that hangs, as far as the budget of retries allows.
    @Test func hedgedCallsDoNotNotice() async throws {
        let options = CallOptions(
            timeout: .seconds(5), hedging: HedgingPolicy(attempts: 3, delay: .milliseconds(50)))
        let phases = try await Phases.measure(
            options, variables: ["MICRO_CLIENT_RETRY_BUDGET": "100"], pause: Self.pause)
        #expect(phases.all.failures.isEmpty, "\(phases.all.summary)")
        #expect(phases.settled.quantile(0.99) < Soak.limit(.milliseconds(200)))
        phases.report("SIGSTOP, hedged")
    }

    /// The calls of a test by when they began.
    private struct Phases {
        let all: [Load.Call]

        /// Those that ended before the instance was frozen.
        let before: [Load.Call]

        /// Those while it was, and those that began 2 s later than that at least.
        let frozen: [Load.Call]
        let settled: [Load.Call]

        /// Those that began 1 s after it went on.
        let after: [Load.Call]

        /// Freezes one of five instances for a while.
        static func measure(
            _ options: CallOptions, variables: [String: String] = [:], pause: Duration
        ) async throws -> Phases {
            var (all, stop, goOn): ([Load.Call], ContinuousClock.Instant, ContinuousClock.Instant) = (
                [], .now, .now
            )
            try await Fleet.run(5) { fleet in
                all = try await Load.run(on: fleet, callers: 10, options, variables: variables) { load in
                    try await load.waitForSuccesses(300)
                    stop = .now
                    fleet.instances[2].send(SIGSTOP)
                    try await Task.sleep(for: pause)
                    fleet.instances[2].send(SIGCONT)
                    goOn = .now
                    try await Task.sleep(for: .seconds(1))
                    try await load.waitForSuccesses(300)
                }
            }
            let far = Duration.seconds(3600)
            return Phases(
                all: all, before: all.filter { $0.begin + $0.duration < stop },
                frozen: all.begun(stop..<goOn),
                settled: all.begun(stop + .seconds(2)..<goOn),
                after: all.begun(goOn + .seconds(1)..<goOn + far))
        }

        func report(_ name: String) {
            let parts = [("before", before), ("frozen", frozen), ("2 s later", settled), ("after", after)]
            for (phase, calls) in parts {
                Soak.report(
                    "\(name), \(phase): p50 \(calls.quantile(0.5)), p99 \(calls.quantile(0.99)), "
                        + "\(calls.failures.count) of \(calls.count) calls failed")
            }
        }
    }
}
