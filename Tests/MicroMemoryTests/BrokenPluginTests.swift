import MicroBrokerMemory
import MicroCore
import MicroRegistryMemory
import MicroTesting
import MicroTransportMemory
import Synchronization
import Testing

// That the suites find what is broken: each of these plugins breaks a promise or two on purpose.

/// A registry that never lets a node go, and lists its services as they come.
private struct ForgetfulRegistry: Registry {
    let inner = MemoryRegistry()
    let name = "forgetful"

    func register(_ record: ServiceRecord, timeToLive: Duration?) async throws {
        try await inner.register(record, timeToLive: nil)
    }
    func deregister(_ record: ServiceRecord) async throws {}
    func lookup(_ service: String) async throws -> [ServiceRecord] { await inner.lookup(service) }
    func services() async throws -> [String] { await inner.services().reversed() }
    func watch(_ service: String?) -> RegistryChanges { inner.watch(nil) }
    func run() async throws { await inner.run() }
}

/// A transport whose calls lose their metadata, and whose errors all look alike.
private struct MutedTransport: Transport {
    let inner = MemoryTransport()

    var nodeProtocol: NodeProtocol { inner.nodeProtocol }
    var usesNamedAddresses: Bool { inner.usesNamedAddresses }

    func listen(on address: ListenAddress, handler: any CallHandler) async throws -> any Listener {
        try await inner.listen(on: address, handler: handler)
    }

    func connect(to node: Node, as name: PeerName) async throws -> any Connection {
        MutedConnection(inner: try await inner.connect(to: node, as: name))
    }
}

private struct MutedConnection: Connection {
    let inner: any Connection

    var isUsable: Bool { true }
    var activeCalls: Int { inner.activeCalls }

    func unary(_ head: CallHead, _ message: EncodedMessage) async throws(MicroError) -> UnaryReply {
        var head = head
        head.metadata = [:]
        do throws(MicroError) {
            return UnaryReply(try await inner.unary(head, message).message)
        } catch {
            throw MicroError(.internal, "broken")
        }
    }

    func open(_ head: CallHead) async throws(MicroError) -> any ClientCallStream {
        try await inner.open(head)
    }
    func close(deadline: ContinuousClock.Instant) async { await inner.close(deadline: deadline) }
}

@Suite(.timeLimit(.minutes(5))) struct BrokenPluginTests {
    @Test func aBrokenRegistryIsFound() async throws {
        var suite = RegistryConformance { ForgetfulRegistry() }
        suite.patience = .milliseconds(700)
        suite.spreadTime = .milliseconds(100)
        suite.timeToLive = .milliseconds(50)
        let failure = await #expect(throws: ConformanceFailure.self) { try await suite.run() }
        let text = failure?.description ?? ""
        for part in ["registry breaks", "not sorted", "A lookup should return", "did not end within"] {
            #expect(text.contains(part), "\(text)")
        }
    }

    @Test func aBrokenTransportIsFound() async throws {
        let transport = MutedTransport()
        var suite = TransportConformance(
            server: transport, client: transport, address: .host("muted", port: 0))
        suite.patience = .seconds(3)
        suite.concurrentCalls = 10
        let failure = await #expect(throws: ConformanceFailure.self) { try await suite.run() }
        let text = failure?.description ?? ""
        for part in [
            "transport breaks", "\"Plain\" should be \"value\"", "A handler's status NOT_FOUND",
            "A closed connection is usable", "counts as processed",
        ] {
            #expect(text.contains(part), "\(text.prefix(3000))")
        }
    }
}

/// A broker that gives every queue's event to everybody, loses headers, and takes any name.
private final class CarelessBroker: Broker {
    let inner = MemoryBroker(exchange: .init())

    var name: String { "" }
    var deliveries: Set<Delivery> { [.atMostOnce] }

    func prepare(_ context: PluginContext) {}

    func publish(_ event: BrokerEvent, to topic: String) async throws {
        var event = event
        event.header["X-Text"] = nil
        try await inner.publish(event, to: topic.isEmpty ? "empty" : topic)
    }

    func subscribe(
        _ options: SubscriptionOptions, handler: EventHandler
    ) async throws -> any BrokerSubscription {
        var options = options
        options.queue = nil
        options.delivery = .atMostOnce
        options.concurrency = 2
        if options.topic.isEmpty { options.topic = "empty" }
        return try await inner.subscribe(options, handler: handler)
    }

    func run() async throws { try await inner.run() }
}

extension BrokenPluginTests {
    @Test func aBrokenBrokerIsFound() async throws {
        var suite = BrokerConformance {
            let broker = CarelessBroker()
            return (broker, broker)
        }
        suite.spreadTime = .milliseconds(200)
        suite.patience = .seconds(3)
        let failure = await #expect(throws: ConformanceFailure.self) { try await suite.run() }
        let text = failure?.description ?? ""
        for part in [
            "broker breaks", "has no name", "Two subscriptions of one queue got", "The header [",
            "Publishing to \"\"", "atLeastOnce isn't offered, and was accepted",
            "2 events were handled at once, and 1 was asked for",
        ] {
            #expect(text.contains(part), "\(part) is missing in \(text.prefix(3000))")
        }
    }
}

/// A selector that remembers the first list it has seen, and is never at a loss.
private final class StubbornSelector: Selector {
    let signals: SelectionSignals = .callsInFlight
    private let count = Mutex<Int?>(nil)

    func choose(from candidates: Candidates, for call: SelectionContext) -> Int? {
        count.withLock { count in
            count = count ?? candidates.count
            return (count ?? 1) - 1
        }
    }
}

extension BrokenPluginTests {
    @Test func aBrokenSelectorIsFound() async throws {
        let failure = await #expect(throws: ConformanceFailure.self) {
            try await SelectorConformance { StubbornSelector() }.run()
        }
        let text = failure?.description ?? ""
        for part in ["selector breaks", "got [0, 0, 0, 2000]", "Of 1 nodes, the position 4 was chosen"] {
            #expect(text.contains(part), "\(part) is missing in \(text.prefix(3000))")
        }
    }

    @Test func aSelectorMayPreferNodesAndLookAtMetadata() async throws {
        struct ByUser: Selector {
            func choose(from candidates: Candidates, for call: SelectionContext) -> Int? {
                call.metadata["user"].flatMap { Int($0) }.map { $0 % candidates.count }
            }
        }
        var suite = SelectorConformance { ByUser() }
        suite.metadata = { ["user": "\($0)"] }
        try await suite.run()
        suite.metadata = { _ in ["user": "3"] }
        suite.reachesAllNodes = false
        try await suite.run()
    }
}
