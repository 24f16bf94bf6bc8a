import MicroCore
import MicroRegistryMemory
import MicroTestSupport
import MicroTesting
import Synchronization
import Testing

@testable import Micro

/// Which nodes a call may go to, and how that is said for a call, a service and a client.
@Suite("Routing", .timeLimit(.minutes(2)))
struct RoutingTests {
    private static let records = [
        ServiceRecord(
            name: "greeter", version: "1", endpoints: [EndpointRecord(name: "Greeter.Hello")],
            nodes: [
                Node(id: "a1", address: "10.0.0.1:1", metadata: ["zone": "a", "disk": "ssd"]),
                Node(id: "a2", address: "10.0.0.2:1", metadata: ["zone": "a"]),
            ]),
        ServiceRecord(
            name: "greeter", version: "2",
            endpoints: [EndpointRecord(name: "Greeter.Hello"), EndpointRecord(name: "Greeter.Goodbye")],
            nodes: [
                Node(id: "b1", address: "10.0.0.3:1", metadata: ["zone": "b", "disk": "ssd"]),
                Node(id: "b2", address: "10.0.0.4:1", metadata: ["zone": "b", "disk": "old"]),
            ]),
    ]

    private func withClient(
        _ environment: [String: String] = [:], selector: (any Selector)? = RoundRobinSelector(),
        routing: [String: Routing] = [:], transport: ScriptedTransport = ScriptedTransport(),
        registry: MemoryRegistry = MemoryRegistry(), records: [ServiceRecord] = records,
        time: TimeSource = .continuous, serviceConfig: ServiceConfig = ServiceConfig(),
        _ body: (MicroClient) async throws -> Void
    ) async throws {
        for record in records {
            for node in record.nodes {
                var single = record
                single.nodes = [node]
                try await registry.register(single, timeToLive: nil)
            }
        }
        let client = MicroClient(
            registry: registry, transports: [transport], selector: selector, routing: routing,
            plugins: testPlugins, configuration: .test(environment), serviceConfig: serviceConfig)
        try await withMicroClient(client.onTestClock(time), body)
    }

    private func answers(
        _ client: MicroClient, _ count: Int = 40, _ options: CallOptions = CallOptions()
    ) async throws -> [String: Int] {
        var answers: [String: Int] = [:]
        for _ in 0..<count { answers[try await client.hello(options: options), default: 0] += 1 }
        return answers
    }

    @Test(
        "filters by version, label, zone and endpoint",
        arguments: [
            (NodeFilter(version: "1"), ["a1", "a2"]), (NodeFilter(labels: ["disk": "ssd"]), ["a1", "b1"]),
            (NodeFilter(zone: "b"), ["b1", "b2"]), (NodeFilter(endpoint: "Greeter.Goodbye"), ["b1", "b2"]),
            (NodeFilter(version: "2", labels: ["disk": "ssd"], zone: "b"), ["b1"]),
            (NodeFilter(), ["a1", "a2", "b1", "b2"]),
        ])
    func filters(_ filter: NodeFilter, _ expected: [String]) async throws {
        try await withClient { (client: MicroClient) async throws in
            let options = CallOptions(routing: Routing(filter: filter))
            let found = try await answers(client, 40, options)
            #expect(found.keys.sorted() == expected && Set(found.values) == [40 / expected.count])
            #expect(try await answers(client).count == 4)
        }
    }

    @Test("a filter that no node passes ends the call, and says so")
    func nobody() async throws {
        try await withClient { (client: MicroClient) async throws in
            for zone in ["c", "", String(repeating: "z", count: 1000)] {
                let options = CallOptions(routing: Routing(filter: NodeFilter(zone: zone)))
                let error = try await #require(throws: MicroError.self) {
                    try await client.hello(options: options)
                }
                #expect(error.status == .unavailable && error.detail.contains("filter"))
            }
        }
    }

    @Test("any number of different filters costs bounded memory")
    func manyFilters() async throws {
        try await withClient { (client: MicroClient) async throws in
            for number in 0..<2000 {
                let filter = NodeFilter(labels: number % 2 == 0 ? [:] : ["n": "\(number)"], zone: "a")
                _ = try? await client.hello(options: CallOptions(routing: Routing(filter: filter)))
            }
            let found = try await answers(client)
            #expect(found.count == 4)
        }
    }

    @Test("a selector is chosen for a call, for a service, and by name")
    func selectors() async throws {
        let first = Routing(selector: .using(ClosureSelector { _, _ in 0 }))
        let last = Routing(selector: .using(ClosureSelector { nodes, _ in nodes.count - 1 }))
        try await withClient(routing: ["greeter": first]) { (client: MicroClient) async throws in
            #expect(try await answers(client) == ["a1": 40])
            #expect(try await answers(client, 40, CallOptions(routing: last)) == ["b2": 40])
            // What the call leaves open is the service's.
            let filter = Routing(filter: NodeFilter(zone: "b"))
            #expect(try await answers(client, 40, CallOptions(routing: filter)) == ["b1": 40])
            let sticky = CallOptions(routing: Routing(selector: .named("sticky")))
            #expect(try await answers(client, 40, sticky).count == 1)
            let hash = CallOptions(routing: Routing(selector: .named("hash")), routingKey: "user 7")
            #expect(try await answers(client, 40, hash).count == 1)
        }
    }

    @Test("a selector of the service config counts where the code says none of the service")
    func serviceConfig() async throws {
        let config = try ServiceConfig(json: #"{"loadBalancingConfig": [{"pick_first": {}}]}"#)
        let last = Routing(selector: .using(ClosureSelector { nodes, _ in nodes.count - 1 }))
        let cases: [(routing: [String: Routing], expected: Set<String>?)] = [
            ([:], nil), (["greeter": Routing(filter: NodeFilter(version: "2", zone: "b"))], nil),
            (["greeter": last], ["b2"]),
        ]
        for (routing, expected) in cases {
            try await withClient(routing: routing, serviceConfig: config) {
                (client: MicroClient) async throws in
                let found = Set(try await answers(client).keys)
                #expect(found.count == 1 && found == expected ?? found)
            }
        }
    }

    @Test("a selector that doesn't exist ends the call, and says what there is")
    func unknownSelector() async throws {
        try await withClient { (client: MicroClient) async throws in
            let options = CallOptions(routing: Routing(selector: .named("rondrobin")))
            let error = try await #require(throws: MicroError.self) {
                try await client.hello(options: options)
            }
            #expect(error.status == .invalidArgument && error.detail.contains("roundrobin"))
        }
    }

    @Test("outcomes are reported to the selector that has chosen")
    func outcomes() async throws {
        let (own, other) = (RecordingSelector(), RecordingSelector())
        try await withClient(selector: other) { (client: MicroClient) async throws in
            let options = CallOptions(routing: Routing(selector: .using(own)))
            _ = try await answers(client, 3, options)
            #expect(own.journal.lines.count == 6 && other.journal.lines.isEmpty)
        }
    }

    @Test("a canary gets its share of the calls, each key always or never, and nodes that are there get all")
    func canary() async throws {
        let canary = Routing(canary: Canary(version: "2", share: 0.1))
        let calls = CallOptions(routing: canary)
        try await withClient { (client: MicroClient) async throws in
            let counts = try await answers(client, 2000, calls)
            let share = counts["b1", default: 0] + counts["b2", default: 0]
            #expect((100...320).contains(share) && counts.count == 4, "\(counts)")
            for key in ["1", "2", "3", "4"] {
                var keyed = calls
                keyed.routingKey = key
                #expect(try await answers(client, 20, keyed).keys.map(\.first).count == 2)
            }
            for version in ["3", ""] {
                let absent = Routing(canary: Canary(version: version, share: 1))
                #expect(try await answers(client, 40, CallOptions(routing: absent)).count == 4)
            }
            for share in [-1, .nan, 0] {
                let none = Routing(canary: Canary(version: "2", share: share))
                #expect(
                    try await answers(client, 40, CallOptions(routing: none)).keys.sorted() == ["a1", "a2"])
            }
        }
        try await withClient(records: [Self.records[1]]) { (client: MicroClient) async throws in
            #expect(try await answers(client, 200, calls).count == 2)
        }
    }

    @Test("nodes of the client's own zone are preferred while at least half of them can be called")
    func zone() async throws {
        let down = Mutex<Set<String>>([])
        let transport = ScriptedTransport(beforeConnect: { node in
            if down.withLock({ $0.contains(node.id) }) { throw MicroError(.unavailable, "", processed: .no) }
        })
        let environment = ["MICRO_SELECTOR_PREFER": "zone", "MICRO_ZONE": "a"]
        down.withLock { _ = $0.insert("a1") }
        try await withClient(environment, transport: transport) { (client: MicroClient) async throws in
            #expect(try await answers(client) == ["a2": 40])
        }
        down.withLock { _ = $0.insert("a2") }
        try await withClient(environment, transport: transport) { (client: MicroClient) async throws in
            #expect(try await answers(client).keys.sorted() == ["b1", "b2"])
        }
        try await withClient(["MICRO_SELECTOR_PREFER": "zone", "MICRO_ZONE": "elsewhere"]) {
            (client: MicroClient) async throws in
            #expect(try await answers(client).count == 4)
        }
    }

    @Test("a preference for a zone that isn't known ends the start, and a service registers its zone")
    func ownZone() async throws {
        await #expect(throws: StartError.self) {
            try await withClient(["MICRO_SELECTOR_PREFER": "zone"]) { _ in }
        }
        try await makeService(environment: ["MICRO_ZONE": "a"]) { hello }.withRunning { running in
            #expect(running.record.nodes.first?.metadata?["zone"] == "a")
        }
    }

    @Test("a client calls a subset of a large service, the same one as far as it is there")
    func subset() async throws {
        let registry = MemoryRegistry()
        let many = ServiceRecord(
            name: "greeter", version: "1",
            nodes: (0..<40).map { Node(id: "n\($0)", address: "10.0.1.\($0):1") })
        let environment = ["MICRO_SELECTOR_SUBSET": "5"]
        try await withClient(environment, registry: registry, records: [many]) {
            (client: MicroClient) async throws in
            let first = Set(try await answers(client, 100).keys)
            #expect(first.count == 5)
            let gone = try #require(first.first)
            var record = many
            record.nodes = many.nodes.filter { $0.id == gone }
            await registry.deregister(record)
            try await eventually("another node in its place") {
                Set(try await answers(client, 20).keys).isDisjoint(with: [gone])
            }
            let second = Set(try await answers(client, 100).keys)
            #expect(second.count == 5 && first.subtracting(second) == [gone])
            try await withClient(environment, registry: registry, records: [many]) {
                (other: MicroClient) async throws in
                #expect(try await Set(answers(other, 100).keys) != second)
            }
        }
    }

    @Test(
        "a new node gets less than its share at first, and those that were there before the client all of it")
    func slowStart() async throws {
        let clock = ManualClock()
        let registry = MemoryRegistry()
        try await withClient(
            ["MICRO_SELECTOR_SLOW_START": "100s"], registry: registry, records: [Self.records[0]],
            time: TimeSource(clock)
        ) { (client: MicroClient) async throws in
            #expect(try await answers(client, 100) == ["a1": 50, "a2": 50])
            var record = Self.records[0]
            record.nodes = [Node(id: "a3", address: "10.0.0.9:1")]
            try await registry.register(record, timeToLive: nil)
            try await eventually("the new node") { try await answers(client, 3)["a3"] != nil }
            let early = try await answers(client, 900)["a3"] ?? 0
            #expect((10...150).contains(early), "\(early)")
            clock.advance(by: .seconds(101))
            #expect(try await answers(client, 900)["a3"] == 300)
        }
    }

    @Test("a registry that flaps costs no call, and no connection for each time that a node is there")
    func flapping() async throws {
        let registry = MemoryRegistry()
        let transport = ScriptedTransport()
        try await withClient(transport: transport, registry: registry) { (client: MicroClient) async throws in
            _ = try await answers(client)
            let flaps = Task {
                var record = Self.records[0]
                record.nodes = [Self.records[0].nodes[1]]
                for _ in 0..<3000 {
                    await registry.deregister(record)
                    try await registry.register(record, timeToLive: nil)
                }
            }
            for _ in 0..<3000 { _ = try await client.hello() }
            try await flaps.value
            try await eventually("all nodes again") { try await answers(client).count == 4 }
            #expect(transport.connects == 4)
        }
    }
}
