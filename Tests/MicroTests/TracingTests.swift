import InMemoryLogging
import InMemoryTracing
import Logging
import MicroBrokerMemory
import MicroCore
import MicroTestSupport
import Synchronization
import Testing
import Tracing

@testable import Micro

/// Spans of calls and events, and how a trace goes on from service to service.
@Suite(.timeLimit(.minutes(2))) struct TracingTests {
    private let traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
    private let spanID = "00f067aa0ba902b7"
    private var parent: String { "00-\(traceID)-\(spanID)-01" }

    /// What the second of two services was called with.
    private final class Seen: Sendable {
        private let state = Mutex<[Metadata]>([])

        var all: [Metadata] { state.withLock { $0 } }

        func add(_ metadata: Metadata) { state.withLock { $0.append(metadata) } }
    }

    /// A service that calls itself and publishes when it is called.
    private func service(_ seen: Seen, _ environment: [String: String] = [:]) -> MicroService {
        makeService(broker: MemoryBroker(), environment: environment) {
            Endpoint("Front.Call") { (request: HelloRequest, context) in
                try await context.publish("calls", request)
                return try await context.client.call(
                    "greeter", "Back.Answer", request, returning: HelloReply.self)
            }
            Endpoint("Back.Answer") { (request: HelloRequest, context) -> HelloReply in
                seen.add(context.metadata)
                if request.name == "fail" { throw MicroError(.internal, "as told") }
                return HelloReply(message: request.name)
            }
            Subscriber("calls") { (event: HelloRequest, context) in
                seen.add(context.metadata)
                _ = try await context.client.call(
                    "greeter", "Back.Answer", event, returning: HelloReply.self)
            }
        }
    }

    private func call(
        _ client: MicroClient, _ name: String = "x", metadata: Metadata = [:]
    ) async throws {
        _ = try await client.call(
            "greeter", "Front.Call", HelloRequest(name: name), returning: HelloReply.self,
            options: CallOptions(metadata: metadata))
    }

    @Test func aTraceGoesOnWithoutATracer() async throws {
        let seen = Seen()
        try await service(seen).withRunning { running in
            try await call(
                running.client,
                metadata: [
                    "traceparent": parent, "tracestate": "a=1,b=2", "baggage": "tenant=acme",
                    "micro-trace-id": "t", "micro-span-id": "s", "other": "stays",
                ])
            // The endpoint behind, the subscriber, and the endpoint behind that.
            try await eventually("three") { seen.all.count == 3 }
        }
        for metadata in seen.all {
            #expect(metadata["traceparent"] == parent)
            #expect(metadata["tracestate"] == "a=1,b=2")
            #expect(metadata["baggage"] == "tenant=acme")
            #expect(metadata["micro-trace-id"] == "t")
            #expect(metadata["micro-span-id"] == "s")
            #expect(metadata["other"] == nil)
        }
    }

    @Test(arguments: [
        ["traceparent": "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "tracestate": "a=1"],
        ["traceparent": "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
        ["traceparent": "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"],
        ["traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"],
        ["traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"],
        ["tracestate": "a=1"],
        ["baggage": String(repeating: "a=1,", count: 200)],
        ["baggage": String(repeating: "x", count: 8193)],
        ["micro-trace-id": String(repeating: "x", count: 129)],
    ])
    func fieldsThatLieOrAreHugeAreDropped(fields: [String: String]) async throws {
        let seen = Seen()
        var metadata = Metadata()
        for (name, value) in fields { metadata.add(value, for: name) }
        let sent = metadata
        try await service(seen).withRunning { running in
            try await call(running.client, metadata: sent)
            try await eventually("three") { seen.all.count == 3 }
        }
        for metadata in seen.all { #expect(metadata.traceFields.isEmpty) }
    }

    @Test func twoParentsAreNone() {
        var metadata: Metadata = ["traceparent": parent]
        metadata.add("00-\(traceID)-00f067aa0ba902b8-01", for: "traceparent")
        #expect(metadata.traceFields.isEmpty)
        #expect(metadata.traceID == nil)
        var states: Metadata = ["traceparent": parent, "tracestate": "a=1"]
        states.add("b=2", for: "tracestate")
        #expect(states.traceFields["tracestate"] == "a=1,b=2")
        #expect(Metadata().carrying(states.traceFields)["tracestate"] == "a=1,b=2")
        // A caller's own parent has nothing to do with another one's state.
        #expect(Metadata(dictionaryLiteral: ("traceparent", parent)).carrying(states)["tracestate"] == nil)
    }

    @Test func goMicrosIdsAreJoined() throws {
        let parent = try #require(
            TraceParent(
                microTrace: "be111b01-4ed7-47d8-a430-e12ffbb29223",
                span: "7D5E3A51-d4a0-4868-8370-09d0e3f5c3b7"))
        #expect(parent.text == "00-be111b014ed747d8a430e12ffbb29223-7d5e3a51d4a04868-01")
        #expect(TraceParent(microTrace: "x", span: "y") == nil)
    }

    @Test func callsAndEventsAreSpansOfOneTrace() async throws {
        let (tracer, seen) = (W3CTracer(), Seen())
        try await withTracer(tracer) {
            try await service(seen).withRunning { running in
                try await call(running.client, metadata: ["traceparent": parent])
                try await eventually("all spans") { tracer.base.finishedSpans.count == 8 }
            }
        }
        let spans = tracer.base.finishedSpans
        #expect(Set(spans.map(\.traceID)) == [traceID])
        func span(_ name: String, _ kind: SpanKind, below parent: String?) throws -> FinishedInMemorySpan {
            try #require(
                spans.first { $0.operationName == name && $0.kind == kind && $0.parentSpanID == parent },
                "\(name) \(kind)")
        }
        let outer = try span("Front.Call", .client, below: spanID)
        let front = try span("Front.Call", .server, below: outer.spanID)
        let middle = try span("Back.Answer", .client, below: front.spanID)
        let back = try span("Back.Answer", .server, below: middle.spanID)
        let send = try span("send calls", .producer, below: front.spanID)
        let process = try span("process calls", .consumer, below: send.spanID)
        let last = try span("Back.Answer", .client, below: process.spanID)
        _ = try span("Back.Answer", .server, below: last.spanID)
        #expect(back.attributes.get("rpc.method")?.toSpanAttribute() == .string("Back.Answer"))
        #expect(back.attributes.get("rpc.response.status_code")?.toSpanAttribute() == .string("OK"))
        #expect(back.status == nil)
        #expect(process.attributes.get("messaging.system")?.toSpanAttribute() == .string("memory"))
        // A Go service behind would know the trace by its own fields.
        #expect(seen.all.allSatisfy { $0["micro-trace-id"] == traceID })
    }

    @Test func errorsAreToldByTheSpans() async throws {
        let tracer = W3CTracer()
        try await withTracer(tracer) {
            try await service(Seen()).withRunning { running in
                _ = await #expect(throws: MicroError.self) { try await call(running.client, "fail") }
            }
        }
        let back = tracer.base.finishedSpans.filter { $0.operationName == "Back.Answer" }
        #expect(back.contains { $0.kind == .server } && back.contains { $0.kind == .client })
        for span in back {
            #expect(span.status?.code == .error)
            #expect(span.attributes.get("error.type")?.toSpanAttribute() == .string("INTERNAL"))
        }
    }

    @Test func linesOfACallHaveItsIds() async throws {
        let (tracer, log) = (W3CTracer(), InMemoryLogHandler())
        var logger = Logger(label: "test") { _ in log }
        logger.logLevel = .info
        try await withLogger(logger) { _ in
            try await withTracer(tracer) {
                let service = makeService(environment: ["MICRO_LOG_ACCESS": "on"]) {
                    Endpoint("Greeter.Log") { (request: HelloRequest, context) in
                        context.logger.info("Here.")
                        return HelloReply(message: "")
                    }
                }
                try await service.withRunning { running in
                    _ = try await running.client.call(
                        "greeter", "Greeter.Log", HelloRequest(name: ""), returning: HelloReply.self)
                }
            }
        }
        let server = try #require(tracer.base.finishedSpans.first { $0.kind == .server })
        let line = try #require(log.entries.first { $0.message == "Here." }?.metadata)
        #expect(line["trace_id"] == "\(server.traceID)")
        #expect(line["span_id"] == "\(server.spanID)")
        #expect(
            log.entries.first { $0.message == "A call was answered." }?.metadata["trace_id"]
                == "\(server.traceID)")
    }

    @Test func aPartGoesBeforeWhatTheProcessHas() async throws {
        let (own, process) = (W3CTracer(), W3CTracer())
        try await withTracer(process) {
            let service = makeService { hello }.using(.tracing, GivenTracing(own: own))
            try await service.withRunning { running in _ = try await running.client.hello() }
        }
        #expect(own.base.finishedSpans.count == 2)
        #expect(process.base.finishedSpans.isEmpty)
    }

    @Test func noSpansWhereNobodyWantsThem() async throws {
        try await makeService { hello }.withRunning { running in
            _ = try await running.client.hello()
            let engine = try #require(running.client.core.engine)
            #expect(engine.tracing == nil)
        }
    }
}

/// A tracer that keeps its spans, and carries them on as W3C's Trace Context has it.
private struct W3CTracer: Tracer {
    let base = InMemoryTracer(
        idGenerator: InMemoryTracer.IDGenerator(
            nextTraceID: { Self.hex(2) }, nextSpanID: { Self.hex(1) }))

    private static func hex(_ words: Int) -> String {
        (0..<words).map { _ in
            let digits = String(UInt64.random(in: 1 ... .max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> InMemorySpan {
        base.startSpan(
            operationName, context: context(), ofKind: kind, at: instant(), function: function, file: fileID,
            line: line)
    }

    func forceFlush() { base.forceFlush() }

    func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
    ) where Carrier == Inject.Carrier {
        var fields: [String: String] = [:]
        base.inject(context, into: &fields, using: Dictionary())
        guard let trace = fields[InMemoryTracer.traceIDKey], let span = fields[InMemoryTracer.spanIDKey]
        else { return }
        injector.inject("00-\(trace)-\(span)-01", forKey: "traceparent", into: &carrier)
    }

    func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
    ) where Carrier == Extract.Carrier {
        guard let text = extractor.extract(key: "traceparent", from: carrier) else { return }
        let parts = text.split(separator: "-").map(String.init)
        base.extract(
            [InMemoryTracer.traceIDKey: parts[1], InMemoryTracer.spanIDKey: parts[2]], into: &context,
            using: Dictionary())
    }

    private struct Dictionary: Injector, Extractor {
        func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) {
            carrier[key] = value
        }

        func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
    }
}

/// A back end among the parts of a service.
private struct GivenTracing: TracingBackend {
    let own: W3CTracer

    var tracer: (any Tracer)? { own }
}
