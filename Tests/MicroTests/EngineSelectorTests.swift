import InMemoryLogging
import Logging
import MicroCore
import MicroTesting
import Testing

@testable import Micro

/// What each of the engine's selectors promises beyond the promises of all.
@Suite("The engine's selectors", .timeLimit(.minutes(2)))
struct EngineSelectorTests {
    private func candidates(_ ids: [String], weights: [String: String] = [:]) -> Candidates {
        Candidates(
            ids.map { id in
                Candidate(
                    Node(id: id, address: "10.0.0.1:1", metadata: weights[id].map { ["weight": $0] }))
            })
    }

    private func call(key: String? = nil, metadata: Metadata = [:], tried: [String] = []) -> SelectionContext
    {
        SelectionContext(service: "a", endpoint: "A.B", metadata: metadata, key: key, tried: tried)
    }

    private func picks(
        _ selector: any Selector, _ candidates: Candidates, _ count: Int, _ context: SelectionContext? = nil
    ) -> [String] {
        (0..<count).compactMap { _ in
            selector.choose(from: candidates, for: context ?? call()).map { candidates[$0].node.id }
        }
    }

    private func counts(_ picks: [String]) -> [String: Int] {
        Dictionary(picks.map { ($0, 1) }, uniquingKeysWith: +)
    }

    @Test(
        "keep the promises of all selectors",
        arguments: [
            "random", "cache", "roundrobin", "leastloaded", "weighted", "hash", "sticky", "blacklist",
        ])
    func conformance(_ name: String) async throws {
        let plugin = try testPlugins.withEngineSelectors.choose(.selector, name: name)
        var suite = SelectorConformance {
            do {
                return try plugin.make(as: .selector, context: .testing(role: "selector"))
            } catch {
                Issue.record(error)
                return RandomSelector()
            }
        }
        suite.reachesAllNodes = name != "sticky"
        try await suite.run()
    }

    @Test("keep the promises when calls have keys", arguments: ["hash", "sticky"])
    func conformanceWithKeys(_ name: String) async throws {
        var suite = SelectorConformance {
            if name == "hash" { return HashSelector(key: "user") }
            return StickySelector(key: "user")
        }
        suite.metadata = { ["user": "\($0)"] }
        try await suite.run()
    }

    // MARK: roundrobin

    @Test("roundrobin goes on behind the node that was picked last when nodes go, come or fail")
    func rotation() throws {
        let selector = RoundRobinSelector()
        let all = candidates(["a", "b", "c", "d", "e"])
        var last = try #require(picks(selector, all, 1).first)
        for ids in [["a", "c", "e"], ["a", "b", "c", "d", "e"], ["b", "d"], ["a", "b", "c", "d", "e"]] {
            let expected = ids.first { $0 > last } ?? ids[0]
            let picked = picks(selector, candidates(ids), 1)
            #expect(picked == [expected], "of \(ids) behind \(last)")
            last = expected
        }
    }

    @Test("roundrobin gives all nodes the same number of calls, however many ask at once")
    func evenly() async {
        let selector = RoundRobinSelector()
        let all = candidates(["a", "b", "c", "d", "e"])
        let picked = await withTaskGroup(of: [String].self) { group in
            for _ in 0..<8 { group.addTask { picks(selector, all, 1000) } }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(counts(picked).values) == [1600])
    }

    @Test("roundrobin spreads second attempts over the others")
    func secondAttempts() {
        let selector = RoundRobinSelector()
        _ = picks(selector, candidates(["a", "b", "c", "d"]), 1)
        let seconds = (0..<30).flatMap { _ in
            picks(selector, candidates(["b", "c", "d"]), 1, call(tried: ["a"]))
        }
        #expect(counts(seconds).count == 3)
    }

    // MARK: weighted

    @Test("weighted picks nodes as often as they weigh, and not in bursts")
    func weights() {
        let all = candidates(["a", "b", "c"], weights: ["a": "1", "b": "3", "c": "6"])
        let picked = picks(WeightedSelector(), all, 10_000)
        let counts = counts(picked)
        for (id, share) in [("a", 1000), ("b", 3000), ("c", 6000)] {
            #expect(abs((counts[id] ?? 0) - share) <= share / 50, "\(counts)")
        }
        var (longest, run) = (0, 0)
        for id in picked {
            run = id == "c" ? run + 1 : 0
            longest = max(longest, run)
        }
        #expect(longest <= 5)
    }

    @Test("weighted takes any text for a weight, and zero for no calls while others have some")
    func strangeWeights() {
        let all = candidates(
            ["a", "b", "c", "d", "e"],
            weights: ["a": "0", "b": "-7", "c": "many", "d": "99999999999999999999", "e": ""])
        #expect(Set(counts(picks(WeightedSelector(), all, 1000)).keys) == ["b", "c", "d", "e"])
        let heavy = Node(id: "", address: "", metadata: ["weight": "1001"])
        #expect(WeightedSelector.weight(of: heavy) == 1000)
        let none = candidates(["a", "b"], weights: ["a": "0", "b": "0"])
        #expect(counts(picks(WeightedSelector(), none, 1000)) == ["a": 500, "b": 500])
        let extremes = candidates(["a", "b"], weights: ["a": "1", "b": "1000"])
        #expect(
            counts(picks(WeightedSelector(), extremes, 100_100))["a"].map { (90...110).contains($0) } == true)
    }

    // MARK: hash

    @Test("hash sends a key to the same node from every client, and moves few keys when nodes change")
    func keys() {
        let (one, other) = (HashSelector(key: "user"), HashSelector(key: "user"))
        let all = candidates((0..<10).map { "n\($0)" })
        let fewer = candidates((0..<9).map { "n\($0)" })
        var moved = 0
        var reached: Set<String> = []
        for user in 0..<1000 {
            let context = call(metadata: ["user": "\(user)"])
            let node = picks(one, all, 1, context)
            #expect(node == picks(other, candidates(all.map(\.node.id)), 1, context))
            let later = picks(one, fewer, 1, context)
            if node != ["n9"] { #expect(node == later) } else { moved += 1 }
            reached.formUnion(node)
        }
        #expect(reached.count == 10 && (50...150).contains(moved))
        #expect(picks(one, all, 1, call(key: "7")) == picks(one, all, 1, call(metadata: ["user": "7"])))
    }

    @Test("hash sends calls elsewhere while the key's node has more than its share in flight")
    func boundedLoad() throws {
        let selector = HashSelector(key: "user")
        let all = candidates(["a", "b", "c", "d"])
        let context = call(metadata: ["user": "7"])
        var tickets: [Ticket] = []
        var inFlight: [String: Int] = [:]
        for _ in 0..<400 {
            let position = try #require(selector.choose(from: all, for: context))
            tickets.append(Ticket(all[position]))
            inFlight[all[position].node.id, default: 0] += 1
        }
        #expect(inFlight.count == 4 && inFlight.values.allSatisfy { $0 <= 126 })
        tickets = []
        #expect(Set(picks(selector, all, 50, context)).count == 1)
    }

    @Test("hash logs once that keys are missing, and sends such calls anywhere")
    func missingKeys() throws {
        let handler = InMemoryLogHandler()
        let all = candidates(["a", "b", "c"])
        withLogger(Logger(label: "test") { _ in handler }) { _ in
            let selector = HashSelector(key: "user")
            let picked = picks(selector, all, 500) + picks(selector, all, 500, call(metadata: ["user": ""]))
            #expect(counts(picked).count == 3)
        }
        #expect(handler.entries.count == 1)
        #expect(handler.entries.first.map { "\($0.message)".contains("\"user\"") } == true)
    }

    // MARK: sticky

    @Test("sticky stays with a node until that is gone, and then with the next one")
    func sticky() throws {
        let selector = StickySelector()
        let all = candidates(["a", "b", "c"])
        let first = try #require(picks(selector, all, 1).first)
        #expect(Set(picks(selector, all, 100)) == [first])
        // An attempt elsewhere changes nothing.
        _ = picks(selector, candidates(["a", "b", "c"].filter { $0 != first }), 1, call(tried: [first]))
        #expect(Set(picks(selector, candidates(["a", "b", "c", "d"]), 100)) == [first])
        let others = candidates(["a", "b", "c", "d"].filter { $0 != first })
        let second = try #require(picks(selector, others, 1).first)
        #expect(second != first && Set(picks(selector, candidates(["a", "b", "c", "d"]), 100)) == [second])
    }

    @Test("sticky has a node for each key, and forgets keys only when there are thousands of others")
    func stickyKeys() {
        let selector = StickySelector(key: "session")
        let all = candidates(["a", "b", "c"])
        let first = (0..<100).map { picks(selector, all, 1, call(metadata: ["session": "\($0)"])) }
        for _ in 0..<3 {
            #expect(first == (0..<100).map { picks(selector, all, 1, call(key: "\($0)")) })
        }
        #expect(Set(first.joined()).count == 3)
        for key in 0..<30_000 { _ = picks(selector, all, 1, call(key: "other \(key)")) }
        #expect(Set(picks(selector, all, 10, call(key: "0"))).count == 1)
    }

    @Test("values that were used lately are kept")
    func recentValues() {
        var values = RecentValues<Int>(limit: 10)
        values["kept"] = 1
        for number in 0..<1000 {
            values["\(number)"] = number
            if number % 3 == 0 { #expect(values["kept"] == 1) }
            #expect(values.count <= 10)
        }
        #expect(values["3"] == nil && values["999"] == 999)
        values["999"] = nil
        #expect(values["999"] == nil)
    }

    // MARK: blacklist

    @Test("blacklist excludes a node for 30 s that has failed three times in a row by its own fault")
    func blacklist() throws {
        let clock = ManualClock()
        let selector = BlacklistSelector(time: TimeSource(clock))
        let all = candidates(["a", "b"])
        func end(_ position: Int, _ error: MicroError?) {
            SelectionTicket(all[position], selector.signals)
                .finish(error, selector: selector, service: "a", endpoint: "A.B")
        }
        let fault = MicroError(.unavailable, "lost")
        for error in [fault, fault, nil, fault, fault, MicroError(.notFound, "", id: "a"), fault, fault] {
            end(0, error)
        }
        end(0, MicroError(.cancelled, ""))
        #expect(counts(picks(selector, all, 200)).count == 2)
        end(0, fault)
        #expect(Set(picks(selector, all, 200)) == ["b"])
        clock.advance(by: .seconds(29))
        #expect(Set(picks(selector, all, 200)) == ["b"])
        clock.advance(by: .seconds(1))
        #expect(counts(picks(selector, all, 200)).count == 2)
        // With all of them excluded, all are called; and a clock that jumps back prolongs nothing.
        for position in [0, 1] { for _ in 0..<3 { end(position, fault) } }
        #expect(counts(picks(selector, all, 200)).count == 2)
        end(0, nil)
        #expect(Set(picks(selector, all, 200)) == ["a"])
        clock.advance(by: .seconds(-3600))
        #expect(counts(picks(selector, all, 200)).count == 2)
    }

    // MARK: leastloaded

    @Test("leastloaded gives a node that is ten times slower hardly any calls, and a failing one neither")
    func leastLoaded() throws {
        let selector = LeastLoadedSelector()
        let all = candidates(["a", "b", "c", "d", "e"])
        let start = Uptime.now
        func end(_ position: Int, after milliseconds: Int64, _ error: MicroError? = nil) {
            SelectionTicket(all[position], selector.signals, now: start)
                .finish(
                    error, selector: selector, service: "a", endpoint: "A.B",
                    now: Uptime(nanoseconds: start.nanoseconds + milliseconds * 1_000_000))
        }
        for position in 0..<3 { end(position, after: 10) }
        end(3, after: 100)
        end(4, after: 1, MicroError(.unavailable, "lost"))
        let picked = counts(picks(selector, all, 2000))
        #expect(picked["d", default: 0] + picked["e", default: 0] < 300, "\(picked)")
        #expect(["a", "b", "c"].allSatisfy { picked[$0, default: 0] > 300 }, "\(picked)")
    }

    @Test("leastloaded gives a new node one call before it knows it, and a bad one a trial now and then")
    func unknown() throws {
        let selector = LeastLoadedSelector()
        let all = candidates(["a", "b"])
        let now = Uptime.now
        func measure(_ position: Int, _ milliseconds: Int64) {
            SelectionTicket(all[position], selector.signals, now: now)
                .finish(
                    nil, selector: selector, service: "a", endpoint: "A.B",
                    now: Uptime(nanoseconds: now.nanoseconds + milliseconds * 1_000_000))
        }
        func pick(after seconds: Int64) -> String? {
            let later = Uptime(nanoseconds: now.nanoseconds + seconds * 1_000_000_000)
            let context = SelectionContext(
                service: "a", endpoint: "A.B", head: CallHead(path: "/a.A/B"), tried: [],
                signals: selector.signals, now: later)
            return selector.choose(from: all, for: context).map { all[$0].node.id }
        }
        measure(0, 5)
        #expect((0..<20).allSatisfy { _ in pick(after: 1) == "b" })
        let ticket = Ticket(all[1])
        #expect((0..<20).allSatisfy { _ in pick(after: 1) == "a" })
        _ = ticket
        measure(1, 5000)
        #expect((0..<20).allSatisfy { _ in pick(after: 6) == "a" })
        #expect((0..<20).map { _ in pick(after: 16) }.count { $0 == "b" } == 1)
    }
}

/// A call in flight, until it is released.
private final class Ticket: Sendable {
    private let ticket: SelectionTicket

    init(_ candidate: Candidate) { ticket = SelectionTicket(candidate, .callsInFlight) }
}
