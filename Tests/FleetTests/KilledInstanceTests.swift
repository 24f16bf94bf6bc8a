import Foundation
import MicroCore
import Testing

@testable import Micro

/// An instance is gone without a word.
@Suite(.serialized, .timeLimit(.minutes(5))) struct KilledInstanceTests {
    private static let callers = 20

    @Test func costsTheCallsInFlightAtMost() async throws {
        let (calls, exit) = try await callsWhileOneIsKilled(CallOptions())
        let failures = calls.failures
        // Each caller has one call in flight at most, and no call that begins later meets the dead instance.
        #expect(failures.count <= Self.callers, "\(calls.summary)")
        #expect(
            failures.allSatisfy { $0.begin < exit + Soak.limit(.milliseconds(50)) }, "\(calls.summary)")
        #expect(failures.allSatisfy { $0.error?.status == .unavailable }, "\(calls.summary)")
        Soak.report("kill -9: \(failures.count) of \(calls.count) calls failed")
    }

    @Test func costsNoIdempotentCall() async throws {
        let (calls, _) = try await callsWhileOneIsKilled(CallOptions(retry: .idempotent))
        #expect(calls.failures.isEmpty, "\(calls.summary)")
        Soak.report("kill -9, idempotent: \(calls.failures.count) of \(calls.count) calls failed")
    }

    /// Makes calls, kills an instance of five amid them, and returns the calls with the moment at which it was gone.
    private func callsWhileOneIsKilled(
        _ options: CallOptions
    ) async throws -> ([Load.Call], exit: ContinuousClock.Instant) {
        var all: [Load.Call] = []
        var exit = ContinuousClock.now
        try await Fleet.run(5) { fleet in
            all = try await Load.run(on: fleet, callers: Self.callers, milliseconds: 20, options) { load in
                let victim = fleet.instances[2]
                victim.send(SIGKILL)
                #expect(try await victim.exitStatus() == 128 + SIGKILL)
                exit = .now
                try await load.waitForSuccesses(Self.callers * 20)
                let process = victim.process
                #expect(load.calls.contains { $0.process == process })
                #expect(!load.calls.contains { $0.process == process && $0.begin > exit })
            }
        }
        return (all, exit)
    }
}
