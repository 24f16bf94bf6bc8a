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
        load.observe(1000, at: at(0), isFailure: false)
        #expect(load.latency(at: at(0)) == 1000)
        load.observe(9000, at: at(0), isFailure: false)
        #expect(load.latency(at: at(0)) == 9000)
        // Ten seconds later the two count the same.
        load.observe(1000, at: at(10), isFailure: false)
        #expect(load.latency(at: at(10)) == 5000)
        load.observe(1000, at: at(10), isFailure: false)
        #expect(load.latency(at: at(10)) == 5000)
    }

    @Test("the latency of a node that isn't called fades, so that it is called again")
    func fading() {
        let load = candidate.load
        load.observe(8000, at: at(0), isFailure: false)
        #expect(load.latency(at: at(10)) == 4000)
        #expect(load.latency(at: at(70)) == 1000)
        // A clock that stands still or goes back does no harm.
        #expect(load.latency(at: at(-5)) == 8000)
    }

    @Test("a node that fails at once is not a fast one, and one that fails late is a slow one")
    func failures() {
        let load = candidate.load
        load.observe(10, at: at(0), isFailure: true)
        #expect(load.latency(at: at(0)) == nil)
        load.observe(1000, at: at(0), isFailure: false)
        load.observe(10, at: at(5), isFailure: true)
        #expect(load.latency(at: at(0)) == 1000)
        load.observe(7000, at: at(0), isFailure: true)
        #expect(load.latency(at: at(0)) == 7000)
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
        candidate.load.observe(1000, at: .now, isFailure: false)
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
        candidate.load.observe(1_000_000, at: context.time, isFailure: false)
        #expect(context.latency(of: candidate) == .milliseconds(1))
    }

    private struct Silent: Selector {
        let signals: SelectionSignals

        func choose(from candidates: Candidates, for call: SelectionContext) -> Int? { nil }
    }
}
