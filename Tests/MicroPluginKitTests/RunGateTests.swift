import MicroCore
import MicroPluginKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct RunGateTests {
    @Test func callsWaitForTheRun() async throws {
        let gate = RunGate<Int>("The store")
        #expect(gate.current == nil)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<10 { group.addTask { try await gate.resource() } }
            try gate.begin()
            gate.ready(7)
            for try await number in group { #expect(number == 7) }
        }
        #expect(gate.current == 7)
        gate.end()
        #expect(gate.current == nil)
        let error = await #expect(throws: MicroError.self) { try await gate.resource() }
        #expect(error?.status == .unavailable && error?.detail == "The store has stopped.")
        #expect(error?.processed == .no)
    }

    @Test func aSecondRunIsRefused() throws {
        let gate = RunGate<Void>("The store")
        try gate.begin()
        let error = #expect(throws: StartError.self) { try gate.begin() }
        #expect(error?.message.hasPrefix("The store was run twice.") == true)
        gate.end()
        #expect(throws: StartError.self) { try gate.begin() }
    }

    @Test func whatMayBeRunAgainIs() async throws {
        let gate = RunGate<Int>("The store", allowsRestart: true)
        for number in 1...3 {
            try gate.begin()
            #expect(throws: StartError.self) { try gate.begin() }
            gate.ready(number)
            #expect(try await gate.resource() == number)
            gate.end()
            await #expect(throws: MicroError.self) { try await gate.resource() }
        }
    }

    @Test func callsLearnWhyItEnded() async throws {
        let gate = RunGate<Int>("The store")
        try gate.begin()
        gate.end(throwing: MicroError(.unavailable, "The disk is full."))
        gate.end()
        let error = await #expect(throws: MicroError.self) { try await gate.resource() }
        #expect(error?.detail == "The disk is full.")
    }

    @Test func nobodyWaitsForever() async {
        let gate = RunGate<Void>("The store", limit: .milliseconds(10))
        let late = await #expect(throws: MicroError.self) { try await gate.waitUntilRunning() }
        #expect(late?.status == .unavailable && late?.detail.hasPrefix("The store does not run.") == true)
        let patient = RunGate<Void>("The store", limit: .seconds(1000))
        await withTaskGroup { group in
            group.addTask {
                let error = await #expect(throws: MicroError.self) { try await patient.waitUntilRunning() }
                #expect(error?.status == .cancelled)
            }
            group.cancelAll()
        }
    }
}
