import Micro
import MicroCodecJSON
import MicroCore
import MicroPluginKit
import MicroRegistryMemory
import MicroTransportMemory
import Testing

/// A role that neither the core nor the engine knows.
private protocol Store: Part {
    func read(_ key: String) async throws -> String?
}

extension PluginRole where Interface == any Store {
    fileprivate static var store: Self { PluginRole("store", preferring: ["memory"]) }
}

/// What stores of this file stand on, to see in which order parts start and stop.
private protocol Disk: Part {}

extension PluginRole where Interface == any Disk {
    fileprivate static var disk: Self { PluginRole("disk") }
}

private struct JournalledDisk: Disk {
    let journal: Journal

    func run() async throws {
        journal.add("disk run")
        await Latch().wait()
        journal.add("disk end")
    }
}

private struct JournalledStore: Store {
    let journal: Journal
    var needsDisk = false
    var ready: Latch?
    var runError: StartError?

    private static let address = Setting("address", .text, "where it is")
    static let settings = [address.declaration]

    func read(_ key: String) async throws -> String? { "value of \(key)" }

    func prepare(_ context: PluginContext) throws {
        journal.add("store prepare \(try context.settings[Self.address] ?? "")")
        if needsDisk { _ = try context.part(.disk) }
    }

    func run() async throws {
        journal.add("store run")
        if let runError { throw runError }
        await Latch().wait()
        journal.add("store end")
    }

    func waitUntilReady() async throws {
        await ready?.wait()
        journal.add("store ready")
    }
}

@Suite("Parts of roles that other modules define", .timeLimit(.minutes(1)))
struct PartTests {
    private let journal = Journal()

    private func plugin(_ store: JournalledStore, name: String = "memory") -> Plugin {
        Plugin(.store, name, settings: JournalledStore.settings) { _ in store }
    }

    private func service(
        _ plugins: [Plugin], _ environment: [String: String] = [:], arguments: [String] = []
    ) -> MicroService {
        MicroService(
            "notes", registry: MemoryRegistry(), transport: CapturingTransport(journal),
            plugins: testPlugins.adding(plugins),
            configuration: .test(environment, arguments: arguments)
        ) {
            Endpoint("Notes.Read") { (request: HelloRequest, context) in
                let text = try await context.part(.store).read(request.name)
                return HelloReply(message: text ?? "")
            }
        }
    }

    private func read(_ running: RunningService) async throws -> String {
        try await running.client.call(
            "notes", "Notes.Read", HelloRequest(name: "a"), returning: HelloReply.self
        ).message
    }

    @Test("a part is made by whoever uses it first, and runs from then on")
    func firstUse() async throws {
        try await service([plugin(JournalledStore(journal: journal))]).withRunning { running in
            #expect(!journal.lines.contains { $0.hasPrefix("store") })
            for _ in 0..<2 {
                let text = try await read(running)
                #expect(text == "value of a")
            }
        }
        #expect(journal.lines.filter { $0.hasPrefix("store prepare") }.count == 1)
        #expect(journal.lines.contains("store end"))
    }

    @Test("a service that uses a role waits for its part, which outlives the listener")
    func order() async throws {
        let ready = Latch()
        let store = JournalledStore(journal: journal, needsDisk: true, ready: ready)
        let disk = Plugin(.disk, "ssd") { [journal] _ in JournalledDisk(journal: journal) }
        let service = service([plugin(store), disk]).using(.store)
        async let ran: Void = service.withRunning { running in
            journal.add("serving")
            _ = try running.part(.store)
        }
        await journal.wait(for: "store run")
        #expect(!journal.lines.contains("listen"))
        ready.open()
        try await ran
        #expect(
            journal.lines == [
                "store prepare ", "transport prepare", "disk run", "store run", "store ready", "listen",
                "serving",
                "shutdown", "shut down", "store end", "disk end",
            ])
    }

    @Test("the role's variable chooses, and its flags reach the part", arguments: [true, false])
    func choice(_ byFlag: Bool) async throws {
        let plugins = [
            plugin(JournalledStore(journal: Journal())),
            plugin(JournalledStore(journal: journal), name: "other"),
        ]
        let service =
            byFlag
            ? service(plugins, arguments: ["--store=other", "--store-address", "x"])
            : service(plugins, ["MICRO_STORE": "other", "MICRO_STORE_ADDRESS": "x"])
        try await service.using(.store).withRunning { _ in }
        #expect(journal.lines.contains("store prepare x"))
    }

    @Test("a part that is given in code goes before every plugin")
    func given() async throws {
        let own = JournalledStore(journal: journal)
        let service = service([plugin(JournalledStore(journal: Journal()))]).using(.store, own)
        try await service.withRunning { running in
            let text = try await read(running)
            #expect(text == "value of a")
        }
        #expect(journal.lines.contains("store run"))
    }

    @Test("a service does not start without a part that it uses, and says why")
    func missing() async throws {
        let error = try await #require(throws: StartError.self) {
            try await service([]).using(.store).withRunning { _ in }
        }
        #expect(error.code == .unknownPlugin)
        #expect(error.message.contains("No store is linked."))
        let misspelt = try await #require(throws: StartError.self) {
            try await service([plugin(JournalledStore(journal: journal))], ["MICRO_STORE": "memry"])
                .withRunning { _ in }
        }
        #expect(misspelt.message.contains("MICRO_STORE is \"memry\""))
        #expect(!journal.lines.contains("listen"))
    }

    @Test("a part that fails while it gets ready ends the start with its reason")
    func failsBeforeReady() async throws {
        let reason = StartError(.unavailable, "The disk is full. Make room on /var.")
        let store = JournalledStore(journal: journal, ready: Latch(), runError: reason)
        await #expect(throws: reason) {
            try await service([plugin(store)]).using(.store).withRunning { _ in }
        }
        #expect(!journal.lines.contains("listen"))
    }

    @Test("a call gets the reason why there is no part")
    func reasonForCalls() async throws {
        try await service([]).withRunning { running in
            let error = try await #require(throws: MicroError.self) { try await read(running) }
            #expect(error.status == .failedPrecondition)
            #expect(error.detail.contains("No store is linked."))
        }
    }

    @Test("many who use a part at once get the same one")
    func concurrentUse() async throws {
        try await service([plugin(JournalledStore(journal: journal))]).withRunning { running in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<50 { group.addTask { _ = try running.part(.store) } }
                try await group.waitForAll()
            }
        }
        #expect(journal.lines.filter { $0.hasPrefix("store prepare") }.count == 1)
    }

    @Test("a transport that can't be used stops nobody who doesn't need it")
    func unusedTransport() async throws {
        let broken = Plugin(.transport, "broken", provides: ["odd/odd"]) { _ -> any Transport in
            throw StartError(.invalidConfiguration, "MICRO_TRANSPORT_ODD_ADDRESS is \"x\".")
        }
        let plugins: Plugins = [.jsonCodec, .memoryTransport, broken]
        let registry = MemoryRegistry()
        let service = MicroService(
            "greeter", registry: registry, plugins: plugins, configuration: .test()
        ) { hello }
        try await service.withRunning { running in
            let text = try await running.client.hello()
            #expect(text == "Hello, world!")
            let odd = Node(
                id: "odd-1", address: "127.0.0.1:1", metadata: ["protocol": "odd", "transport": "odd"])
            try await registry.register(
                ServiceRecord(name: "odd", version: "latest", endpoints: [], nodes: [odd]), timeToLive: nil)
            let error = try await #require(throws: MicroError.self) {
                try await running.client.hello(service: "odd")
            }
            #expect(error.detail.contains("MICRO_TRANSPORT_ODD_ADDRESS is \"x\"."))
        }
        let refused = MicroService(
            "greeter", registry: registry, plugins: plugins, configuration: .test(["MICRO_SERVER": "odd"])
        ) { hello }
        await #expect(throws: StartError(.invalidConfiguration, "MICRO_TRANSPORT_ODD_ADDRESS is \"x\".")) {
            try await refused.withRunning { _ in }
        }
    }
}
