import MicroCore
import Testing

@testable import Micro

@Suite(.timeLimit(.minutes(2))) struct AdmissionQueueTests {
    private typealias Queue = AdmissionQueue<String>
    private static let millisecond: Int64 = 1_000_000

    /// 100 calls in a second, of which each takes 10 ms.
    private let pace = Queue.Pace(throughput: 100, latency: 10e6)

    private func append(
        _ name: String, _ criticality: Criticality = .default, deadline: Int64? = nil, at now: Int64 = 0,
        to queue: inout Queue
    ) -> RefusalReason? {
        if let reason = queue.refusal(of: criticality, deadline: deadline, at: now, pace) { return reason }
        queue.append(name, criticality, deadline: deadline, at: now, pace)
        return nil
    }

    private func drain(_ queue: inout Queue) -> [String] {
        var names: [String] = []
        while let entry = queue.popFirst() { names.append(entry.caller) }
        return names
    }

    @Test func whatMattersMoreGoesFirst() {
        var queue = Queue(capacity: 10)
        for (name, criticality) in [
            ("s1", .sheddable), ("d1", .default), ("c1", .critical), ("s2", .sheddable), ("d2", .default),
            ("c2", .critical),
        ] as [(String, Criticality)] {
            #expect(append(name, criticality, to: &queue) == nil)
        }
        #expect(drain(&queue) == ["c1", "c2", "d1", "d2", "s1", "s2"])
    }

    @Test func aBurstWaitsForATenthOfASecond() {
        var queue = Queue(capacity: 1000)
        var admitted = 0
        while append("x", to: &queue) == nil { admitted += 1 }
        #expect(admitted == 10)
        // Critical calls have only each other in front of them, and sheddable ones had to go before.
        #expect(append("c", .critical, to: &queue) == nil)
        #expect(append("s", .sheddable, to: &queue) == .overload)
    }

    @Test func whileItStandsItIsShort() {
        var queue = Queue(capacity: 1000)
        while append("x", to: &queue) == nil {}
        #expect(drain(&queue).count == 10)
        // At most 5 ms of waiting, and a place is worth 10 ms.
        #expect(append("x", at: 500 * Self.millisecond, to: &queue) == .overload)
        #expect(append("s", .sheddable, at: 500 * Self.millisecond, to: &queue) == .overload)
        #expect(append("c", .critical, at: 500 * Self.millisecond, to: &queue) == nil)
        // A second without a refusal, and there may be a burst again.
        #expect(append("x", at: 1501 * Self.millisecond, to: &queue) == .overload)
        _ = drain(&queue)
        #expect(append("x", at: 2600 * Self.millisecond, to: &queue) == nil)
    }

    @Test func aQueueThatNeverEmptiesStands() {
        var queue = Queue(capacity: 1000)
        #expect(append("a", to: &queue) == nil)
        #expect(append("b", at: 99 * Self.millisecond, to: &queue) == nil)
        #expect(append("c", at: 101 * Self.millisecond, to: &queue) == .overload)
    }

    @Test func itsLengthIsBoundedForEachClass() {
        var queue = Queue(capacity: 3)
        for criticality in Criticality.allCases {
            for _ in 0..<100 {
                let unknown = Queue.Pace(throughput: nil, latency: nil)
                if queue.refusal(of: criticality, deadline: nil, at: 0, unknown) == nil {
                    queue.append("x", criticality, deadline: nil, at: 0, unknown)
                }
            }
        }
        #expect(queue.count == 9)
        var none = Queue(capacity: 0)
        #expect(none.refusal(of: .critical, deadline: nil, at: 0, pace) == .overload)
    }

    @Test func aCallThatWouldBeLateIsRefusedAtOnce() {
        var queue = Queue(capacity: 100)
        #expect(append("a", deadline: 19 * Self.millisecond, to: &queue) == .deadline)
        #expect(append("b", deadline: 21 * Self.millisecond, to: &queue) == nil)
        #expect(append("c", deadline: 29 * Self.millisecond, to: &queue) == .deadline)
        #expect(append("d", deadline: .max, to: &queue) == nil)
        #expect(append("e", deadline: .min, to: &queue) == .deadline)
        #expect(drain(&queue) == ["b", "d"])
    }

    @Test func callsThatHaveBecomeLateAreFound() {
        var queue = Queue(capacity: 100)
        #expect(append("a", deadline: 50 * Self.millisecond, to: &queue) == nil)
        #expect(append("b", to: &queue) == nil)
        #expect(queue.removeLate(at: 39 * Self.millisecond).isEmpty)
        #expect(queue.removeLate(at: 60 * Self.millisecond).map(\.caller) == ["a"])
        #expect(queue.removeLate(at: 199 * Self.millisecond).isEmpty)
        #expect(queue.removeLate(at: 210 * Self.millisecond).map(\.caller) == ["b"])
        #expect(queue.isEmpty)
    }
}
