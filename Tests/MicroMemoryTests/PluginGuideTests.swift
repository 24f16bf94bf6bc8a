// The plugin that Plugins.md writes, so that what it says is known to work.
import MicroCore
import MicroPluginKit
import MicroTesting
import Synchronization
import Testing

/// A registry whose nodes stand in the configuration.
final class StaticRegistry: Registry {
    let name = "static"
    private let directory = RegistryDirectory(isSynced: true)

    private static let nodes = Setting("nodes", .list, default: [], "the nodes, each as `name=host:port`")
    static let settings = [nodes.declaration]

    init() {}

    func prepare(_ context: PluginContext) throws {
        // MICRO_REGISTRY_NODES=greeter=10.0.0.1:9090,greeter=10.0.0.2:9090
        for entry in try context.settings[Self.nodes] {
            let parts = entry.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                throw context.settings.invalid(Self.nodes, "name=host:port, with commas")
            }
            directory.insert(ServiceRecord(name: parts[0], nodes: [Node(id: entry, address: parts[1])]))
        }
    }

    func register(_ record: ServiceRecord, timeToLive: Duration?) async throws {
        try record.checkRegistration(timeToLive: timeToLive)
        directory.insert(record)
    }

    func deregister(_ record: ServiceRecord) async throws { for key in record.keys { directory.remove(key) } }
    func lookup(_ service: String) async throws -> [ServiceRecord] { directory.lookup(service) }
    func services() async throws -> [String] { directory.services }
    func watch(_ service: String?) -> RegistryChanges { directory.watch(service) }
}

extension Plugin {
    /// The static registry, chosen with `MICRO_REGISTRY=static`.
    static var staticRegistry: Self {
        Plugin(.registry, "static", summary: "nodes from the configuration") { _ in StaticRegistry() }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .staticRegistry }

/// A broker that gives each event to all subscriptions of this process.
final class LocalBroker: Broker {
    let name = "local"
    let deliveries: Set<Delivery> = [.atMostOnce]
    private let runner = SubscriptionRunner()
    private let open = Mutex<[String: [LocalSubscription]]>([:])

    private static let nodes = Setting("nodes", .list, default: [], "the nodes, each as `name=host:port`")
    static let settings = [nodes.declaration]

    init() {}

    func prepare(_ context: PluginContext) throws {}

    func publish(_ event: BrokerEvent, to topic: String) async throws {
        try await runner.waitUntilRunning()
        for subscription in open.withLock({ $0[topic] ?? [] }) { subscription.queue.offer(event) }
    }

    func subscribe(
        _ options: SubscriptionOptions, handler: EventHandler
    ) async throws -> any BrokerSubscription {
        let queue = SubscriptionQueue<BrokerEvent>(options, size: { $0.body.count }) { event in
            await ReceivedEvent.deliver(event, to: handler) == .ack
        }
        try await runner.start(queue)
        let subscription = LocalSubscription(queue: queue)
        open.withLock { $0[options.topic, default: []].append(subscription) }
        return subscription
    }

    func run() async throws { try await runner.run() }
}

struct LocalSubscription: BrokerSubscription {
    let queue: SubscriptionQueue<BrokerEvent>

    var dropped: Int { queue.dropped }
    func cancel(deadline: ContinuousClock.Instant) async { await queue.drain(deadline: deadline) }
}

/// Picks the one of two random nodes that has fewer calls in flight.
struct FewerCallsSelector: Selector {
    let signals: SelectionSignals = .callsInFlight

    init() {}

    func choose(from candidates: Candidates, for call: SelectionContext) -> Int? {
        let (one, other) = (Int.random(in: candidates.indices), Int.random(in: candidates.indices))
        return candidates[one].callsInFlight <= candidates[other].callsInFlight ? one : other
    }
}

@Suite(.timeLimit(.minutes(2))) struct PluginGuideTests {
    @Test func fewerCallsSelectorKeepsItsPromises() async throws {
        try await SelectorConformance { FewerCallsSelector() }.run()
    }

    @Test func localBrokerIsToldWhatItLacks() async throws {
        let suite = BrokerConformance {
            let broker = LocalBroker()
            return (broker, broker)
        }
        let failure = await #expect(throws: ConformanceFailure.self) { try await suite.run() }
        let violations = failure?.violations ?? []
        for text in violations {
            #expect(
                ["queue", "Publishing to", "Subscribing to", "atLeastOnce"].contains { text.contains($0) },
                "\(text)")
        }
        #expect(violations.contains { $0.contains("Two subscriptions of one queue") })
    }

    @Test func staticRegistryKeepsItsPromises() async throws {
        var suite = RegistryConformance { StaticRegistry() }
        suite.timeToLive = nil
        try await suite.run()
    }

    @Test func itsNodesComeFromTheConfiguration() async throws {
        let registry = StaticRegistry()
        try registry.prepare(
            Self.context(["micro.registry.nodes": "greeter=10.0.0.1:9090,greeter=10.0.0.2:9090"]))
        let nodes = try await registry.lookup("greeter").flatMap(\.nodes)
        #expect(nodes.map(\.address) == ["10.0.0.1:9090", "10.0.0.2:9090"])
        #expect(throws: StartError.self) {
            try StaticRegistry().prepare(Self.context(["micro.registry.nodes": "greeter"]))
        }
    }

    @Test func itIsFoundByItsRecord() throws {
        let plugin = try Plugins.linked.choose(.registry, name: "static")
        #expect(plugin.module == "MicroMemoryTests")
    }

    private static func context(_ variables: [String: String]) -> PluginContext {
        let environment = Dictionary(
            uniqueKeysWithValues: variables.map { key, value in
                (key.replacing(".", with: "_").uppercased(), value)
            })
        return .testing(role: "registry", variables: environment)
    }
}
