public import MicroCore
import Synchronization

/// The promises of `Selector`, as checks that any selector can be put to.
///
/// ```swift
/// @Test func keepsThePromisesOfASelector() async throws {
///     try await SelectorConformance { MySelector() }.run()
/// }
/// ```
public struct SelectorConformance: Sendable {
    /// Makes a selector that has seen no call.
    public var make: @Sendable () -> any Selector

    /// Whether calls that have nothing in common reach all nodes, as they should unless the selector prefers some of
    /// them.
    public var reachesAllNodes = true

    /// The metadata of a call, by its number: what a selector that looks at metadata tells calls apart by.
    public var metadata: @Sendable (_ call: Int) -> Metadata = { _ in [:] }

    /// How long each check may take.
    public var patience = Duration.seconds(30)

    /// Creates a suite.
    ///
    /// - Parameter make: Makes a selector that has seen no call.
    public init(_ make: @escaping @Sendable () -> any Selector) { self.make = make }

    /// Runs all checks.
    ///
    /// - Throws: A ``ConformanceFailure`` that lists the broken promises.
    public func run() async throws {
        let findings = Findings(patience: patience)
        for (name, check) in Self.checks {
            let selector = make()
            let fixture = Fixture(suite: self, selector: selector, findings: findings)
            await findings.phase(name) {
                try selector.prepare(.testing(role: "selector"))
                try await check(fixture)
            }
        }
        try findings.report("selector")
    }

    typealias Check = @Sendable (Fixture) async throws -> Void

    static let checks: [(String, Check)] = [
        ("the only node is chosen", onlyNode),
        ("all nodes are reached", allNodes),
        ("nodes come and go", changingNodes),
        ("nodes that fail", failures),
        ("calls at once", concurrency),
        ("many services", manyServices),
        ("a list of nodes is used beside another", listsSideBySide),
        ("attempts after the first", furtherAttempts),
        ("keys and metadata of any kind", strangeKeys),
    ]

    private static func onlyNode(_ fixture: Fixture) async throws {
        let candidates = fixture.candidates(1)
        for call in 0..<20 {
            let position = fixture.choose(candidates, call)
            fixture.findings.expect(
                position == 0, "Of one node, the position \(fixture.text(position)) was chosen.")
        }
    }

    private static func allNodes(_ fixture: Fixture) async throws {
        let candidates = fixture.candidates(4)
        var counts = [0, 0, 0, 0]
        for call in 0..<2000 {
            guard let position = fixture.choose(candidates, call) else { continue }
            counts[position] += 1
            fixture.attempt(candidates[position], nil)
        }
        guard fixture.suite.reachesAllNodes else { return }
        fixture.findings.expect(
            counts.allSatisfy { $0 > 0 }, "Of 2000 calls, 4 nodes that are alike got \(counts).")
    }

    private static func changingNodes(_ fixture: Fixture) async throws {
        for count in [5, 1, 3, 64, 2, 1000, 1] {
            let candidates = fixture.candidates(count)
            for call in 0..<50 {
                guard let position = fixture.choose(candidates, call) else { continue }
                fixture.attempt(candidates[position], nil)
            }
        }
        // An attempt may end after its node has gone.
        fixture.attempt(Candidate(Node(id: "gone", address: "10.0.0.9:1")), nil)
    }

    private static func failures(_ fixture: Fixture) async throws {
        let candidates = fixture.candidates(3)
        let errors = [
            MicroError(.unavailable, "lost", processed: .no), MicroError(.cancelled, "given up"),
            MicroError(id: "greeter", httpCode: 404, detail: "no such name"),
        ]
        for (call, error) in (0..<30).flatMap({ _ in errors }).enumerated() {
            // A selector may have enough of nodes that do nothing but fail.
            guard let position = fixture.select(candidates, call), candidates.indices.contains(position)
            else {
                continue
            }
            fixture.attempt(candidates[position], error)
        }
    }

    private static func concurrency(_ fixture: Fixture) async throws {
        let candidates = fixture.candidates(5)
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for call in 0..<500 {
                        guard let position = fixture.choose(candidates, task * 500 + call) else { continue }
                        fixture.attempt(candidates[position], nil)
                    }
                }
            }
        }
        fixture.findings.expect(
            candidates.allSatisfy { $0.callsInFlight == 0 }, "Attempts that have ended count as in flight.")
    }

    private static func manyServices(_ fixture: Fixture) async throws {
        let candidates = fixture.candidates(2)
        for number in 0..<5000 { _ = fixture.choose(candidates, number, of: "service-\(number)") }
    }
}

extension SelectorConformance {
    /// Calls with filters of their own have lists of their own, at the same time and of the same service.
    private static func listsSideBySide(_ fixture: Fixture) async throws {
        let all = fixture.candidates(6)
        let (some, others) = (Candidates(Array(all[0..<2])), Candidates(Array(all[2..<6])))
        var reached: Set<String> = []
        for call in 0..<600 {
            for list in [all, some, others] {
                guard let position = fixture.choose(list, call) else { continue }
                if list.count == 2 { reached.insert(list[position].node.id) }
                fixture.attempt(list[position], nil)
            }
        }
        // One that goes by latency may have seen a slow attempt, and has its reasons.
        guard fixture.suite.reachesAllNodes, !fixture.selector.signals.contains(.latency) else { return }
        fixture.findings.expect(
            reached.count == 2,
            "Beside other lists, of a list of two nodes only \(reached.sorted()) were chosen.")
    }

    /// What is offered for another attempt is a list that is made for it.
    private static func furtherAttempts(_ fixture: Fixture) async throws {
        let all = fixture.candidates(4)
        for call in 0..<200 {
            guard let first = fixture.choose(all, call) else { continue }
            fixture.attempt(all[first], MicroError(.unavailable, "lost", processed: .no))
            let rest = Candidates(all.filter { $0.node.id != all[first].node.id })
            let second = fixture.select(rest, call, tried: [all[first].node.id])
            fixture.findings.expect(
                second.map(rest.indices.contains) == true,
                "For a second attempt on \(rest.count) nodes, the position \(fixture.text(second)) was chosen."
            )
            if let second, rest.indices.contains(second) { fixture.attempt(rest[second], nil) }
        }
    }

    /// What selects the node may come from outside.
    private static func strangeKeys(_ fixture: Fixture) async throws {
        let candidates = fixture.candidates(3)
        let keys = ["", " ", "\0", "ключ", String(repeating: "k", count: 100_000), "-1", "\u{301}"]
        for key in keys + (0..<20_000).map({ "key-\($0)" }) {
            let position = fixture.select(candidates, 0, key: key)
            fixture.findings.expect(
                position.map(candidates.indices.contains) == true,
                "For the key \"\(key.prefix(20))\", the position \(fixture.text(position)) was chosen.")
        }
    }

    /// A selector that is checked, and calls for it.
    struct Fixture: Sendable {
        let suite: SelectorConformance
        let selector: any Selector
        let findings: Findings

        /// Nodes that were not called yet.
        func candidates(_ count: Int) -> Candidates {
            Candidates(
                (0..<count).map { Candidate(Node(id: "n\($0)", address: "10.0.0.\($0):1"), version: "1") })
        }

        /// Asks the selector.
        func select(
            _ candidates: Candidates, _ call: Int, of service: String = "greeter", key: String? = nil,
            tried: [String] = []
        ) -> Int? {
            selector.choose(
                from: candidates,
                for: SelectionContext(
                    service: service, endpoint: "Greeter.Hello", metadata: suite.metadata(call), key: key,
                    tried: tried))
        }

        /// Asks the selector, which has no reason to choose none of the nodes.
        ///
        /// - Returns: The position; `nil` if it is none.
        func choose(_ candidates: Candidates, _ call: Int, of service: String = "greeter") -> Int? {
            let position = select(candidates, call, of: service)
            if let position, candidates.indices.contains(position) { return position }
            findings.expect(false, "Of \(candidates.count) nodes, the position \(text(position)) was chosen.")
            return nil
        }

        /// Makes an attempt that ends at once.
        func attempt(_ candidate: Candidate, _ error: MicroError?) {
            SelectionTicket(candidate, selector.signals)
                .finish(error, selector: selector, service: "greeter", endpoint: "Greeter.Hello")
        }

        func text(_ position: Int?) -> String { position.map(String.init) ?? "none" }
    }
}
