import Foundation
import MicroTestSupport
import Testing

/// A new release replaces each instance in turn.
@Suite(.serialized, .timeLimit(.minutes(15))) struct RollingRestartTests {
    @Test func losesNoCall() async throws {
        let rounds = Soak.isOn ? 20 : 2
        try await Fleet.run(5) { fleet in
            let calls = try await Load.run(on: fleet, callers: 8) { load in
                for _ in 0..<rounds {
                    for instance in fleet.instances {
                        let old = instance.process
                        instance.send(SIGTERM)
                        #expect(try await instance.exitStatus() == 0, "\(instance.log)")
                        try instance.start()
                        try await instance.waitUntilReady()
                        #expect(instance.process != old)
                    }
                }
                // Those that were started last are called as well.
                let processes = Set(fleet.instances.map(\.process))
                try await eventually("all new ones answer") {
                    processes.isSubset(of: load.calls.suffix(1000).compactMap(\.process))
                }
            }
            #expect(calls.failures.isEmpty, "\(calls.summary)")
            #expect(Set(calls.compactMap(\.process)).count > 5 * rounds / 2)
            Soak.report(
                "rolling restart, \(rounds) rounds: \(calls.count) calls, \(calls.failures.count) failed")
        }
    }
}
