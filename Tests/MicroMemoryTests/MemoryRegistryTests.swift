import MicroCore
import MicroRegistryMemory
import MicroTestSupport
import MicroTesting
import Testing

@Suite(.timeLimit(.minutes(2))) struct MemoryRegistryTests {
    private func record(_ id: String, metadata: [String: String]? = nil) -> ServiceRecord {
        ServiceRecord(name: "x", nodes: [Node(id: id, address: "memory:1", metadata: metadata)])
    }

    @Test func absentAndEmptyMetadataAreToldApart() async throws {
        let registry = MemoryRegistry()
        var (absent, empty) = (record("a"), record("b", metadata: [:]))
        absent.endpoints = nil
        empty.version = "2"
        empty.endpoints = []
        empty.metadata = [:]
        for record in [absent, empty] { try await registry.register(record, timeToLive: nil) }
        #expect(await registry.lookup("x") == [empty, absent])
    }

    @Test func impossibleRecordsAreRefused() async {
        let registry = MemoryRegistry()
        let refused: [(ServiceRecord, Duration?)] = [
            (ServiceRecord(name: "", nodes: [Node(id: "a", address: "")]), nil),
            (ServiceRecord(name: "x"), nil), (record(""), nil), (record("a"), .zero),
            (record("a"), .seconds(-1)),
        ]
        for (record, timeToLive) in refused {
            let error = await #expect(throws: MicroError.self) {
                try await registry.register(record, timeToLive: timeToLive)
            }
            #expect(error?.status == .invalidArgument)
        }
        #expect(await registry.services().isEmpty)
    }

    @Test func absurdTimesToLiveAreForEver() async throws {
        let registry = MemoryRegistry()
        try await registry.register(record("a"), timeToLive: .seconds(Int64.max))
        #expect(await registry.lookup("x").count == 1)
    }

    @Test func nodesExpireWithoutBackgroundWork() async throws {
        let clock = ManualClock()
        let registry = MemoryRegistry(clock: clock)
        try await registry.register(record("a"), timeToLive: .seconds(30))
        clock.advance(by: .milliseconds(29_999))
        #expect(await registry.lookup("x").count == 1)
        clock.advance(by: .milliseconds(1))
        #expect(await registry.lookup("x").isEmpty)
        #expect(await registry.services().isEmpty)
    }

    @Test func anEarlierDeadlineWakesTheBackgroundWork() async throws {
        let clock = ManualClock()
        let registry = MemoryRegistry(clock: clock)
        let changes = registry.watch("x").makeAsyncIterator()
        #expect(try await changes.next() == .synced)
        try await registry.register(record("late"), timeToLive: .seconds(3600))
        #expect(try await changes.next() == .up(record("late")))
        try await withThrowingTaskGroup { group in
            for _ in 0..<3 { group.addTask { await registry.run() } }
            await clock.waitForSleepers(3)
            try await registry.register(record("soon"), timeToLive: .seconds(20))
            #expect(try await changes.next() == .up(record("soon")))
            try await eventually("they wait for the earlier deadline") {
                clock.timeToNextDeadline == .seconds(20)
            }
            clock.advance(by: .seconds(20))
            #expect(try await changes.next() == .down(record("soon").keys[0]))
            // A node that stays takes its old deadline away.
            try await registry.register(record("soon"), timeToLive: .seconds(20))
            try await registry.register(record("soon"), timeToLive: nil)
            try await registry.register(record("last"), timeToLive: .seconds(40))
            #expect(try await changes.next() == .up(record("soon")))
            #expect(try await changes.next() == .up(record("last")))
            clock.advance(by: .seconds(40))
            #expect(try await changes.next() == .down(record("last").keys[0]))
            group.cancelAll()
        }
        #expect(await registry.lookup("x").first?.nodes.map(\.id) == ["late", "soon"])
    }

    @Test func registriesKeepToThemselvesAndTheSharedOneDoesNot() async throws {
        let name = "shared-\(UInt32.random(in: 0 ... .max))"
        let record = ServiceRecord(name: name, nodes: [Node(id: "a", address: "memory:1")])
        let shared: any Registry = .memory
        try await shared.register(record, timeToLive: nil)
        #expect(await MemoryRegistry.shared.lookup(name) == [record])
        #expect(await MemoryRegistry().lookup(name).isEmpty)
        try await shared.deregister(record)
    }

    @Test func thePluginIsLinkedAndMakesTheSharedOne() throws {
        let plugin = try Plugins.linked.choose(PluginRole<any Registry>.registry, name: "memory")
        let registry = try plugin.make(as: .registry, context: .forTests(role: "registry"))
        #expect((registry as? MemoryRegistry) === MemoryRegistry.shared)
    }
}
