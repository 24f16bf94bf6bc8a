// Every public protocol implemented, and every function with a closure called, as a package without our upcoming
// features does it. It is only type-checked: what is here must stay possible.
import CoreMetrics
import MicroDefaults
import MicroPluginKit
import MicroServiceTesting
import MicroTesting
import Tracing

// MARK: - Middleware

struct PlainServer: ServerMiddleware {
    func handle<Answer: Sendable>(_ context: RequestContext, next: Next<Answer>) async throws -> Answer {
        try await next()
    }
}

actor CountingServer: ServerMiddleware {
    private var calls = 0

    func handle<Answer: Sendable>(_ context: RequestContext, next: Next<Answer>) async throws -> Answer {
        calls += 1
        return try await next()
    }
}

struct TimeLimit: ServerMiddleware {
    func handle<Answer: Sendable>(_ context: RequestContext, next: Next<Answer>) async throws -> Answer {
        try await withThrowingTaskGroup(of: Answer.self) { group in
            group.addTask { try await next() }
            group.addTask {
                try await Task.sleep(for: .seconds(1))
                throw MicroError(.deadlineExceeded, "It took too long.")
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw CancellationError() }
            return answer
        }
    }
}

struct PlainMessages: ServerMessageMiddleware {
    func handle<Request: Sendable, Response: Sendable>(
        _ request: Request, _ context: RequestContext, next: NextHandler<Request, Response>
    ) async throws -> Response {
        try await next(request)
    }
}

struct PlainClient: ClientMiddleware {
    func handle<Answer>(_ call: OutgoingCall, next: NextCall<Answer>) async throws -> Answer {
        var call = call
        call.metadata["tenant"] = "acme"
        return try await next(call)
    }
}

struct TwoOfClient: ClientMiddleware {
    var outer = PlainClient()
    var inner = PlainClient()

    func handle<Answer>(_ call: OutgoingCall, next: NextCall<Answer>) async throws -> Answer {
        try await outer.handle(call, next: NextCall { try await inner.handle($0, next: next) })
    }
}

struct PlainSubscriber: SubscriberMiddleware {
    func handle(_ context: EventContext, next: Next<Void>) async throws { try await next() }
}

struct PlainPublisher: PublisherMiddleware {
    func handle(_ event: OutgoingEvent, next: NextEvent) async throws {
        var event = event
        event.metadata["tenant"] = "acme"
        try await next(event)
    }
}

struct Recorder: EventPublisher {
    func publish<Event: Sendable>(
        topic: String, value: Event, options: PublishOptions
    ) async throws(MicroError) {}
}

enum Tenant: ContextKey { typealias Value = String }

/// Contexts for tests, and what middleware adds to them.
func contexts() async throws {
    let call = RequestContext(endpoint: "Plain.Sum", metadata: ["a": "b"], publisher: Recorder())
    call[Tenant.self] = "acme"
    call.metadata["tenant"] = call[Tenant.self]
    call.principal = Principal("jane", verifiedBy: "token")
    call.logger.info("\(call.callID)")
    try await call.publish("texts", Text(text: "a"))
    try await handle(Text(text: "a"), EventContext(topic: "texts", publisher: Recorder()))
}

// MARK: - Plugins

struct PlainSelector: Selector {
    func choose(from candidates: Candidates, for call: SelectionContext) -> Int? { 0 }
}

struct PlainCodec: Codec {
    let contentSubtypes = ["none"]
    func coder<Value: Sendable>(for type: Value.Type, subtype: String) -> MessageCoder<Value>? { nil }
}

actor ActorRegistry: Registry {
    nonisolated let name = "actor"
    private let directory = RegistryDirectory(isSynced: true)

    nonisolated func prepare(_ context: PluginContext) throws {}
    func register(_ record: ServiceRecord, timeToLive: Duration?) async throws { directory.insert(record) }
    func deregister(_ record: ServiceRecord) async throws {}
    func lookup(_ service: String) async throws -> [ServiceRecord] { directory.lookup(service) }
    func services() async throws -> [String] { directory.services }
    nonisolated func watch(_ service: String?) -> RegistryChanges { directory.watch(service) }
    func run() async throws {}
}

actor ActorBroker: Broker {
    nonisolated let name = "actor"
    nonisolated let deliveries: Set<Delivery> = [.atMostOnce]
    private var handlers: [EventHandler] = []

    nonisolated func prepare(_ context: PluginContext) throws {}

    func publish(_ event: BrokerEvent, to topic: String) async throws {
        for handler in handlers { _ = await handler(ReceivedEvent(event)) }
        for handler in handlers { _ = await ReceivedEvent.deliver(event, to: handler) { _ in } }
    }

    func subscribe(
        _ options: SubscriptionOptions, handler: EventHandler
    ) async throws -> any BrokerSubscription {
        handlers.append(handler)
        return PlainSubscription()
    }

    func run() async throws {}
}

struct PlainSubscription: BrokerSubscription {
    var dropped: Int { 0 }
    func cancel(deadline: ContinuousClock.Instant) async {}
}

struct PlainTransport: Transport {
    let nodeProtocol = NodeProtocol(protocol: "plain", transport: "plain")

    func listen(on address: ListenAddress, handler: any CallHandler) async throws -> any Listener {
        PlainListener(address: address)
    }

    func connect(to node: Node, as name: PeerName) async throws -> any Connection {
        PlainConnection(handler: PlainCalls())
    }
}

struct PlainListener: Listener {
    let address: ListenAddress
    func shutdown(deadline: ContinuousClock.Instant) async {}
}

struct PlainCalls: CallHandler {
    func accept(_ head: CallHead) -> CallDecision {
        head.path.isEmpty
            ? .unary({ _, message in UnaryReply(message) }, ExecutionPolicy())
            : .stream(answer, ExecutionPolicy())
    }

    @Sendable private func answer(
        _ head: CallHead, _ stream: any ServerCallStream
    ) async throws(MicroError) -> Metadata {
        while let message = try await stream.receive() { try await stream.send(message) }
        return [:]
    }
}

struct PlainConnection: Connection {
    let handler: PlainCalls
    var isUsable: Bool { true }
    var activeCalls: Int { 0 }

    func unary(_ head: CallHead, _ message: EncodedMessage) async throws(MicroError) -> UnaryReply {
        switch handler.accept(head) {
        case .unary(let run, _): try await run(head, message)
        case .refuse(let error): throw error
        default: throw MicroError(.unimplemented, "Only unary calls travel here.")
        }
    }

    func open(_ head: CallHead) async throws(MicroError) -> any ClientCallStream { PlainOutbound() }
    func close(deadline: ContinuousClock.Instant) async {}
}

struct PlainOutbound: ClientCallStream {
    var trailingMetadata: Metadata { [:] }
    func receive() async throws(MicroError) -> EncodedMessage? { nil }
    func send(_ message: EncodedMessage) async throws(MicroError) {}
    func finish() async throws(MicroError) {}
    func metadata() async throws(MicroError) -> Metadata { [:] }
    func cancel() {}
}

struct PlainInbound: ServerCallStream {
    func receive() async throws(MicroError) -> EncodedMessage? { nil }
    func send(_ message: EncodedMessage) async throws(MicroError) {}
    func sendMetadata(_ metadata: Metadata) async throws(MicroError) {}
}

// MARK: - Services and clients

struct PlainGreeter: Greeter_Greeter.Service {
    func hello(
        _ request: Greeter_HelloRequest, context: RequestContext
    ) async throws -> Greeter_HelloReply { .init() }
}

actor ActorGreeter: Greeter_Greeter.Service {
    private var count = 0

    func hello(
        _ request: Greeter_HelloRequest, context: RequestContext
    ) async throws -> Greeter_HelloReply {
        count += 1
        return .init()
    }
}

struct Text: Codable { var text: String }

func sum(_ requests: MessageStream<Text>, _ context: RequestContext) async throws -> Text {
    var all = ""
    for try await request in requests { all += request.text }
    return Text(text: all)
}

func handle(_ event: Text, _ context: EventContext) async throws { try await context.acknowledge() }

/// Functions of this package in place of closures, and closures of this package that are passed on.
func service(_ body: () async throws -> Void) async throws {
    let service = MicroService(
        "plain",
        middleware: [
            Middleware(
                server: [PlainServer(), CountingServer()], client: [TwoOfClient()],
                subscriber: [PlainSubscriber()], publisher: [PlainPublisher()]),
            .server(TimeLimit().except("A.B")), .messages(PlainMessages()),
            .client(PlainClient().only(services: "plain")),
        ]
    ) {
        Endpoint("Plain.Sum", handler: sum)
        Subscriber("texts", handler: handle)
        ActorGreeter()
    }
    try await service.withRunning { _ in try await body() }
    await runProgram(body)
    try await service.test(beside: [service], clock: ManualClock()) { client in
        client.faults.add(.latency(.seconds(1)), to: "Plain.Sum")
        _ = try await client.call("Plain.Sum", Text(text: ""), returning: Text.self)
        try await client.publish("texts", Text(text: "a"))
        _ = try await client.nextEvent("texts", as: Text.self)
        try await body()
    }
    await service.onStart { _ in }.onReady { _ in }.onStop { _ in }.main()
}

/// An actor's state in the closures of a call.
@MainActor func calls(of client: MicroClient) async throws -> [Text] {
    var texts: [Text] = []
    try await withMicroClient { _ in texts.append(Text(text: "a")) }
    try await client.stream("plain", "Plain.List", Text(text: ""), returning: Text.self) { replies in
        for try await reply in replies { texts.append(reply) }
    }
    return try await client.stream(
        "plain", "Plain.Both", sending: Text.self, returning: Text.self
    ) { requests, replies in
        try await requests.write(Text(text: "b"))
        while let reply = try await replies.next() { texts.append(reply) }
        return texts
    }
}

func suites() async throws {
    try await RegistryConformance { ActorRegistry() }.run()
    try await BrokerConformance { (publisher: ActorBroker(), subscriber: ActorBroker()) }.run()
    try await TransportConformance(
        server: PlainTransport(), client: PlainTransport(), address: .host("127.0.0.1", port: 0)
    ).run()
    try await CodecConformance(PlainCodec(), samples: [1]).run()
}

// MARK: - Metrics and traces

final class PlainMetrics: MetricsBackend {
    var factory: (any MetricsFactory)? { NOOPMetricsHandler.instance }

    func collect(from source: any MetricsSource) -> Bool {
        source.collect()
        return source.isReady
    }
}

final class PlainTimer: ExemplarTimerHandler {
    func recordNanoseconds(_ duration: Int64) {}

    func recordNanoseconds(_ duration: Int64, at uptime: Int64, traceID: () -> String?) {}
}

final class PlainTracing: TracingBackend {
    var tracer: (any Tracer)? { NoOpTracer() }
}
