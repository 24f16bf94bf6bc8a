import MicroCore
import MicroTestSupport
import Synchronization
import Testing

@testable import Micro

@Suite(.timeLimit(.minutes(2))) struct EndpointGateTests {
    /// A gate whose clock stands still, so that nobody has waited for too long.
    private func gate(_ concurrency: Int, queue: Int = 100) -> EndpointGate {
        EndpointGate(
            EndpointGate.Bounds(concurrency: concurrency, adaptiveFloor: nil, queue: queue), clock: { 1000 })
    }

    private func enter(_ gate: EndpointGate) -> Bool {
        var ticket: EndpointGate.Ticket?
        return gate.enter(&ticket)
    }

    @Test func itCountsAndLimits() {
        let gate = gate(2)
        #expect(!gate.isBusy && enter(gate) && enter(gate))
        #expect(gate.isBusy && !enter(gate) && gate.inFlight == 2)
        gate.leave(nil, .answered)
        #expect(!gate.isBusy && enter(gate) && gate.inFlight == 2)
    }

    @Test func whoWaitsComesInByPriority() async {
        let gate = gate(1)
        let order = Journal()
        #expect(enter(gate))
        await withDiscardingTaskGroup { group in
            var waiting = 0
            for criticality in [Criticality.sheddable, .default, .critical] {
                group.addTask {
                    guard await isAdmitted(gate, criticality) else { return }
                    order.add(criticality.rawValue)
                    gate.leave(nil, .answered)
                }
                waiting += 1
                let expected = waiting
                try? await eventually("a call waits") { gate.limitAndQueue.queued == expected }
            }
            // Nobody passes those who wait.
            #expect(!enter(gate))
            gate.leave(nil, .answered)
        }
        #expect(order.lines == ["critical", "default", "sheddable"])
        #expect(gate.inFlight == 0 && gate.limitAndQueue.queued == 0 && enter(gate))
    }

    @Test func whoIsCancelledLeavesTheQueue() async throws {
        let gate = gate(1)
        #expect(enter(gate))
        let waiter = Task { await isAdmitted(gate, .default) }
        try await eventually("a call waits") { gate.limitAndQueue.queued == 1 }
        waiter.cancel()
        #expect(await !waiter.value)
        #expect(gate.limitAndQueue.queued == 0 && gate.inFlight == 1)
        gate.leave(nil, .answered)
        #expect(enter(gate))
    }

    @Test func whoIsCancelledBeforeDoesNotWait() async {
        let gate = gate(1)
        #expect(enter(gate))
        await Task {
            withUnsafeCurrentTask { $0?.cancel() }
            let error = await #expect(throws: EndpointGate.Refused.self) {
                _ = try await gate.wait(.default, deadline: nil)
            }
            #expect(error?.reason == nil)
        }.value
        #expect(gate.limitAndQueue.queued == 0)
    }

    @Test func aFullQueueRefuses() async {
        let gate = gate(1, queue: 0)
        #expect(enter(gate))
        #expect(gate.refusal(of: .critical, deadline: nil) == .concurrency)
        let error = await #expect(throws: EndpointGate.Refused.self) {
            _ = try await gate.wait(.critical, deadline: nil)
        }
        #expect(error?.reason == .concurrency)
    }

    @Test func aDeadlineThatHasPassedIsRefused() {
        let gate = gate(1)
        #expect(enter(gate))
        #expect(gate.refusal(of: .default, deadline: Uptime(nanoseconds: 0)) == .deadline)
        #expect(gate.refusal(of: .default, deadline: nil) == nil)
    }

    @Test("nobody is forgotten, and nobody too many comes in, whatever the order", arguments: [1, 3, 8])
    func storm(_ limit: Int) async {
        let gate = gate(limit, queue: 100_000)
        let tally = Tally()
        await withDiscardingTaskGroup { group in
            for number in 0..<32 {
                group.addTask {
                    for round in 0..<200 {
                        guard await enter(gate, isCancelled: (number + round).isMultiple(of: 5)) else {
                            tally.refused.add(1, ordering: .relaxed)
                            continue
                        }
                        let count = tally.now.add(1, ordering: .sequentiallyConsistent).newValue
                        tally.most.max(count, ordering: .relaxed)
                        if round.isMultiple(of: 3) { await Task.yield() }
                        tally.now.subtract(1, ordering: .sequentiallyConsistent)
                        gate.leave(nil, .answered)
                        tally.done.add(1, ordering: .relaxed)
                    }
                }
            }
        }
        #expect(tally.most.load(ordering: .relaxed) <= limit)
        let ended = tally.done.load(ordering: .relaxed) + tally.refused.load(ordering: .relaxed)
        #expect(ended == 32 * 200)
        #expect(gate.inFlight == 0 && gate.limitAndQueue.queued == 0)
    }

    private func enter(_ gate: EndpointGate, isCancelled: Bool) async -> Bool {
        if enter(gate) { return true }
        let task = Task { await isAdmitted(gate, .default) }
        if isCancelled { task.cancel() }
        return await task.value
    }

    private func isAdmitted(_ gate: EndpointGate, _ criticality: Criticality) async -> Bool {
        do {
            _ = try await gate.wait(criticality, deadline: nil)
            return true
        } catch {
            return false
        }
    }
}

/// What has become of many calls.
private final class Tally: Sendable {
    let now = Atomic(0)
    let most = Atomic(0)
    let done = Atomic(0)
    let refused = Atomic(0)
}
