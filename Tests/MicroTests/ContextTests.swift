import InMemoryLogging
import Logging
import Micro
import MicroBrokerMemory
import MicroCore
import MicroServiceTesting
import Synchronization
import Testing

private enum TenantKey: ContextKey { typealias Value = String }
private enum CountKey: ContextKey { typealias Value = Int }

extension RequestContext {
    fileprivate var tenant: String? {
        get { self[TenantKey.self] }
        set { self[TenantKey.self] = newValue }
    }
}

/// All that one author ships: it reads the tenant of calls and events, and sends it on.
private struct Tenants: ServerMiddleware, ClientMiddleware, SubscriberMiddleware, PublisherMiddleware {
    func handle<Answer: Sendable>(
        _ context: RequestContext, next: Next<Answer>
    ) async throws -> Answer {
        context.tenant = context.metadata["tenant"]
        context.metadata["seen"] = "yes"
        return try await next()
    }

    func handle<Answer>(_ call: OutgoingCall, next: NextCall<Answer>) async throws -> Answer {
        var call = call
        call.metadata["tenant"] = "acme"
        return try await next(call)
    }

    func handle(_ context: EventContext, next: Next<Void>) async throws {
        context[TenantKey.self] = context.metadata["tenant"]
        context.metadata["seen"] = "yes"
        try await next()
    }

    func handle(_ event: OutgoingEvent, next: NextEvent) async throws {
        var event = event
        if event.topic == "secret" { throw MicroError(.permissionDenied, "Not this one.") }
        event.metadata["tenant"] = "acme"
        try await next(event)
    }
}

extension Middleware {
    fileprivate static var tenants: Self {
        Middleware(server: [Tenants()], client: [Tenants()], subscriber: [Tenants()], publisher: [Tenants()])
    }
}

/// A publisher that keeps what it is given.
private final class Recorder: EventPublisher {
    let events = Mutex<[String]>([])

    func publish<Event: Sendable>(
        topic: String, value: Event, options: PublishOptions
    ) async throws(MicroError) {
        events.withLock { $0.append("\(topic): \(value)") }
    }
}

@Suite("What handlers know of their call or event", .timeLimit(.minutes(2)))
struct ContextTests {
    @Test("one middleware of all kinds adds values, changes metadata, and sends them on")
    func oneMiddleware() async throws {
        let journal = Journal()
        let service = makeService(broker: .memory(.init()), middleware: [.tenants]) {
            Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
                try await context.publish("greetings", request)
                return HelloReply(message: "\(context.tenant ?? "none") \(context.metadata["seen"] ?? "no")")
            }
            Subscriber("greetings") { (event: HelloRequest, context) in
                journal.add("\(context[TenantKey.self] ?? "none") \(context.metadata["seen"] ?? "no")")
            }
        }
        try await service.withRunning { running in
            let reply = try await running.client.hello()
            #expect(reply == "acme yes")
            await journal.wait(for: 1)
            let error = await #expect(throws: MicroError.self) {
                try await running.publish("secret", Number(value: 1))
            }
            #expect(error?.status == .permissionDenied)
        }
        #expect(journal.lines == ["acme yes"])
    }

    @Test("values are kept by key and type, and metadata of their own by each context")
    func values() {
        let context = RequestContext(endpoint: "A.B", metadata: ["a": "1"])
        #expect(context.tenant == nil)
        context.tenant = "acme"
        context[CountKey.self] = 7
        #expect(context.tenant == "acme")
        #expect(context[CountKey.self] == 7)
        context.tenant = nil
        #expect(context.tenant == nil)
        context.metadata["b"] = "2"
        #expect(context.metadata["a"] == "1")
        #expect(context.metadata["b"] == "2")
        #expect(EventContext(topic: "t")[CountKey.self] == nil)
    }

    @Test("the principal is that of the certificate, unless middleware says otherwise")
    func principal() {
        #expect(RequestContext(endpoint: "A.B").principal == nil)
        let peer = Peer(address: "10.0.0.1:1", identities: ["a.example", "spiffe://x/a"])
        let context = RequestContext(endpoint: "A.B", peer: peer)
        #expect(
            context.principal
                == Principal(
                    "a.example", verifiedBy: .certificate, identities: ["a.example", "spiffe://x/a"]))
        context.principal = Principal("jane", verifiedBy: "token", attributes: ["scope": "read"])
        #expect(context.principal?.identities == ["jane"])
        context.principal = nil
        #expect(context.principal == nil)
    }

    @Test("the logger tells endpoint, call and trace, and so do lines about failures")
    func logger() async throws {
        struct Broken: Error {}
        let trace = "0af7651916cd43dd8448eb211c80319c"
        let service = makeService {
            Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
                context.logger.notice("Greeting.")
                if request.name == "bad" { throw Broken() }
                return HelloReply(message: context.callID)
            }
        }
        let log = try await service.test { client in
            let given = try await client.microClient.hello(
                options: .metadata([
                    "x-request-id": "r-1", "traceparent": "00-\(trace)-b7ad6b7169203331-01",
                ]))
            #expect(given == "r-1")
            #expect(try await client.microClient.hello().utf8.count == 16)
            _ = try? await client.microClient.hello("bad", options: .metadata(["micro-trace-id": "t-1"]))
            return client.log
        }
        let lines = log.filter { "\($0.message)" == "Greeting." }
        #expect(lines.map { $0.metadata["rpc.method"] } == Array(repeating: "Greeter.Hello", count: 3))
        #expect(lines.map { $0.metadata["trace_id"] } == ["\(trace)", nil, "t-1"])
        #expect(lines.first?.metadata["micro.call.id"] == "r-1")
        let failure = log.first { "\($0.message)" == "A handler failed." }
        #expect(failure?.metadata["trace_id"] == "t-1")
        #expect(failure?.metadata["micro.call.id"] == lines.last?.metadata["micro.call.id"])
    }

    @Test(
        "a trace that lies is passed over",
        arguments: [
            "", "00", "00-1-2-3", "00-\(String(repeating: "0", count: 32))-1-01",
            "00-\(String(repeating: "G", count: 32))-1-01", "00-\(String(repeating: "a", count: 33))-1-01",
        ])
    func badTrace(_ text: String) {
        #expect(RequestContext(endpoint: "A.B", metadata: ["traceparent": text]).traceID == nil)
    }

    @Test("handlers are called with contexts of a test, and publish to a fake")
    func testContexts() async throws {
        let recorder = Recorder()
        let call = RequestContext(
            endpoint: "Greeter.Hello", publisher: recorder,
            parts: [.part(.registry, JournalRegistry(Journal()))])
        #expect(call.endpoint == "Greeter.Hello")
        #expect(try call.part(.registry).name == "journal")
        try await call.publish("greetings", Number(value: 1))
        let missing = #expect(throws: MicroError.self) { try call.part(.broker) }
        #expect(missing?.detail.contains("parts: [.part(.broker") == true)
        let error = await #expect(throws: MicroError.self) { try await call.client.hello() }
        #expect(error?.detail == "The context of this test has no client. Give it one.")

        let settled = Mutex<[Acknowledgement]>([])
        let event = EventContext(
            topic: "orders", metadata: ["tenant": "acme"], attempt: 3, messageID: "m-1", publisher: recorder
        ) { acknowledgement in settled.withLock { $0.append(acknowledgement) } }
        #expect(event.metadata["tenant"] == "acme")
        #expect(event.callID == "m-1")
        #expect(event.attempt == 3)
        try await event.acknowledge()
        try await event.publish("invoices", Number(value: 2))
        #expect(settled.withLock { $0 } == [.ack])
        #expect(
            recorder.events.withLock { $0 } == [
                "greetings: Number(value: 1)", "invoices: Number(value: 2)",
            ])
    }
}
