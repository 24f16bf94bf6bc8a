import Testing

@testable import MicroCore

@Suite("What is known of a node", .timeLimit(.minutes(2)))
struct SelectionTests {
    private static let second: Int64 = 1_000_000_000
    private let candidate = Candidate(Node(id: "a", address: "10.0.0.1:1"), version: "1")

    private func at(_ seconds: Int64) -> Uptime {
        Uptime(nanoseconds: 1000 * Self.second + seconds * Self.second)
    }

    @Test("a slower call raises the latency at once, and faster ones lower it slowly")
    func peaks() {
        let load = candidate.load
        #expect(load.latency(at: at(0)) == nil)
        load.observe(1000, at: at(0), .success)
        #expect(load.latency(at: at(0)) == 1000)
        load.observe(9000, at: at(0), .success)
        #expect(load.latency(at: at(0)) == 9000)
        // Ten seconds later the two count the same.
        load.observe(1000, at: at(10), .success)
        #expect(load.latency(at: at(10)) == 5000)
        load.observe(1000, at: at(10), .success)
        #expect(load.latency(at: at(10)) == 5000)
    }

    @Test("the latency of a node that isn't called fades, so that it is called again")
    func fading() {
        let load = candidate.load
        load.observe(8000, at: at(0), .success)
        #expect(load.latency(at: at(10)) == 4000)
        #expect(load.latency(at: at(70)) == 1000)
        // A clock that stands still or goes back does no harm.
        #expect(load.latency(at: at(-5)) == 8000)
    }

    @Test("a node that fails at once is not a fast one, and one that fails late is a slow one")
    func failures() {
        let load = candidate.load
        load.observe(10, at: at(0), .error)
        #expect(load.latency(at: at(0)) == nil)
        load.observe(10, at: at(0), .fault)
        #expect(load.latency(at: at(0)) == 1_000_000_000)
        let other = Candidate(Node(id: "b", address: "10.0.0.2:1")).load
        other.observe(1000, at: at(0), .success)
        other.observe(10, at: at(5), .error)
        #expect(other.latency(at: at(0)) == 1000)
        other.observe(10, at: at(0), .fault)
        #expect(other.latency(at: at(0)) == 2000)
        other.observe(7000, at: at(0), .fault)
        #expect(other.latency(at: at(0)) == 7000)
        for _ in 0..<100 { other.observe(10, at: at(0), .fault) }
        #expect(other.latency(at: at(0)) == 1_000_000_000)
        other.observe(.max, at: at(0), .fault)
        other.observe(10, at: at(0), .fault)
        #expect(other.latency(at: at(0)) == 1 << 60)
    }

    @Test("a node of which nothing was measured for a while gets one trial in an interval")
    func trials() {
        let load = candidate.load
        #expect(!load.claimTrial(at: at(0), every: 10 * Self.second))
        load.observe(1000, at: at(0), .success)
        #expect(!load.claimTrial(at: at(9), every: 10 * Self.second))
        #expect(load.claimTrial(at: at(10), every: 10 * Self.second))
        #expect(!load.claimTrial(at: at(11), every: 10 * Self.second))
        #expect(load.claimTrial(at: at(20), every: 10 * Self.second))
        #expect(!load.claimTrial(at: at(0), every: 10 * Self.second))
    }

    @Test("errors of the service and of the caller are not the node's fault")
    func faults() {
        let faults = [
            MicroError(.unavailable, ""), MicroError(.deadlineExceeded, ""), MicroError(.internal, ""),
            MicroError(.unknown, "", id: "go.micro.client"), MicroError(.unavailable, "", id: "greeter"),
        ]
        #expect(faults.allSatisfy { $0.isNodeFault })
        let others = [
            MicroError(.cancelled, ""), MicroError(.notFound, ""), MicroError(.internal, "", id: "greeter"),
            MicroError(.resourceExhausted, ""), MicroError(.invalidArgument, ""),
        ]
        #expect(!others.contains { $0.isNodeFault })
    }

    @Test("a selector finds again what it has derived of a list, beside other selectors")
    func derived() {
        final class Token: Sendable {}
        let owners = (0..<12).map { _ in Token() }
        let candidates = Candidates([candidate])
        let first = owners.map { owner in candidates.derived(for: owner) { Token() } }
        let second = owners.map { owner in candidates.derived(for: owner) { Token() } }
        #expect(zip(first, second).prefix(9).allSatisfy { $0 === $1 })
        #expect(Set(first.map(ObjectIdentifier.init)).count == 12)
        #expect(Candidates([candidate]).derived(for: owners[0]) { Token() } !== first[0])
    }

    @Test("the length of a stream is no latency, but that the node failed counts")
    func streams() {
        let selector = Silent(signals: .latency)
        SelectionTicket(candidate, .latency, now: at(0))
            .finish(nil, selector: selector, service: "s", endpoint: "E.M", isStream: true, now: at(3600))
        #expect(candidate.latency(at: at(3600)) == nil)
        SelectionTicket(candidate, .latency, now: at(0))
            .finish(
                MicroError(.unavailable, "lost"), selector: selector, service: "s", endpoint: "E.M",
                isStream: true, now: at(3600))
        #expect(candidate.latency(at: at(3600)) == 1_000_000_000)
    }

    @Test(
        "an attempt counts as in flight until it is finished or dropped, and only if somebody wants to know")
    func inFlight() {
        let selector = Silent(signals: .callsInFlight)
        let first = SelectionTicket(candidate, selector.signals)
        do {
            let dropped = SelectionTicket(candidate, selector.signals)
            #expect(candidate.callsInFlight == 2)
            _ = consume dropped
        }
        #expect(candidate.callsInFlight == 1)
        first.finish(nil, selector: selector, service: "s", endpoint: "E.M")
        #expect(candidate.callsInFlight == 0)
        let unmeasured = SelectionTicket(candidate, [])
        #expect(candidate.callsInFlight == 0)
        unmeasured.finish(nil, selector: selector, service: "s", endpoint: "E.M")
        #expect(candidate.callsInFlight == 0)
    }

    @Test("what is measured goes on when the registry says something else of the node")
    func renamed() {
        candidate.load.observe(1000, at: .now, .success)
        let node = Node(id: "a", address: "10.0.0.1:1", metadata: ["zone": "b"])
        let later = Candidate(node, version: "2", former: candidate)
        #expect(later.node == node && later.version == "2" && later.load === candidate.load)
        #expect(later.knownSince <= .now)
    }

    @Test("lists of nodes are told apart, and a context has what the call says")
    func values() {
        let (one, other) = (Candidates([candidate]), Candidates([candidate]))
        #expect(one.generation != other.generation && one.count == 1 && one.first?.node.id == "a")
        let context = SelectionContext(
            service: "greeter", endpoint: "Greeter.Hello", metadata: ["user": "7"], tried: ["a", "b"])
        #expect(context.metadata["user"] == "7" && context.attempt == 3 && context.deadline == nil)
        #expect(context.latency(of: candidate) == nil)
        candidate.load.observe(1_000_000, at: context.time, .success)
        #expect(context.latency(of: candidate) == .milliseconds(1))
    }

    private struct Silent: Selector {
        let signals: SelectionSignals

        func choose(from candidates: Candidates, for call: SelectionContext) -> Int? { nil }
    }
}
