import MicroCore
import Tracing

/// The tracer of one service or client; there is none where nobody wants spans.
///
/// Names and attributes follow OpenTelemetry's semantic conventions 1.45.0 for RPC and messaging.
struct EngineTracing: Sendable {
    private let tracer: any Tracer

    init(_ tracer: any Tracer) { self.tracer = tracer }

    /// Returns the tracer of a service or client, or `nil` if nobody wants spans.
    ///
    /// A back end among the parts goes before what the program has bootstrapped swift-distributed-tracing with.
    ///
    /// - Parameter parts: The parts.
    /// - Returns: The tracer.
    /// - Throws: A ``StartError`` if the chosen back end can't be used.
    static func resolve(_ parts: PartResolver) throws(StartError) -> EngineTracing? {
        if parts.has(.tracing), let tracer = try parts.part(.tracing).tracer { return Self(tracer) }
        let tracer = InstrumentationSystem.tracer
        return tracer is NoOpTracer ? nil : Self(tracer)
    }

    /// A span that has begun, and what carries it on.
    struct Started {
        let span: any Span

        /// The fields of the span's trace, for what is sent, or seen by a handler.
        let fields: Metadata
    }

    /// Begins the span of something that arrived.
    ///
    /// - Parameters:
    ///   - name: What the span is of: an endpoint, or what is done with a topic.
    ///   - kind: What kind of span it is.
    ///   - metadata: What came with it.
    /// - Returns: The span.
    func received(_ name: String, _ kind: SpanKind, _ metadata: Metadata) -> Started {
        start(name, kind, extract(metadata))
    }

    /// Begins the span of something that is sent: a part of what the task is about, or of what its metadata say.
    ///
    /// - Parameters:
    ///   - name: What the span is of.
    ///   - kind: What kind of span it is.
    ///   - metadata: What goes with it.
    /// - Returns: The span.
    func sent(_ name: String, _ kind: SpanKind, _ metadata: Metadata) -> Started {
        start(name, kind, ServiceContext.current ?? extract(metadata))
    }

    private func start(_ name: String, _ kind: SpanKind, _ parent: ServiceContext) -> Started {
        let span = tracer.startAnySpan(name, context: parent, ofKind: kind)
        var fields = Metadata()
        tracer.inject(span.context, into: &fields, using: FieldInjector())
        // For services in Go, and for logs.
        if let parent = fields.traceParent {
            fields[TraceFields.microTrace] = parent.traceID
            fields[TraceFields.microSpan] = parent.spanID
        }
        return Started(span: span, fields: fields)
    }

    private func extract(_ metadata: Metadata) -> ServiceContext {
        var context = ServiceContext.topLevel
        guard !metadata.isEmpty else { return context }
        tracer.extract(metadata, into: &context, using: FieldExtractor())
        return context
    }
}

extension EngineTracing.Started {
    /// Ends the span of a call.
    ///
    /// - Parameters:
    ///   - method: The canonical name of the endpoint.
    ///   - status: How the call ended.
    ///   - isServer: Whether the call was answered here: not every error of a caller is one of the server.
    ///   - more: Further attributes.
    func end(call method: String, _ status: RPCStatus, isServer: Bool, _ more: SpanAttributes = [:]) {
        defer { span.end() }
        guard span.isRecording else { return }
        var attributes = more
        attributes.set(MetricLabels.system, value: "grpc")
        attributes.set(MetricLabels.method, value: .string(method))
        attributes.set(MetricLabels.status, value: .string("\(status.measured)"))
        let isFault = isServer ? status.isServersFault : status != .ok
        if isFault {
            attributes.set(MetricLabels.error, value: .string("\(status.measured)"))
            span.setStatus(SpanStatus(code: .error))
        }
        span.updateAttributes { $0.merge(attributes) }
    }

    /// Ends the span of an event.
    ///
    /// - Parameters:
    ///   - operation: What was done with it: `send` or `process`.
    ///   - topic: Its topic.
    ///   - broker: The name of the broker.
    ///   - error: Why that failed.
    func end(event operation: String, topic: String, broker: String, error: String?) {
        defer { span.end() }
        guard span.isRecording else { return }
        span.updateAttributes { attributes in
            attributes.set(MetricLabels.broker, value: .string(broker))
            attributes.set(MetricLabels.topic, value: .string(topic))
            attributes.set("messaging.operation.type", value: .string(operation))
            if let error { attributes.set(MetricLabels.error, value: .string(error)) }
        }
        if error != nil { span.setStatus(SpanStatus(code: .error)) }
    }
}

extension RPCStatus {
    /// Whether the status is an error of the server, by OpenTelemetry's conventions for gRPC.
    fileprivate var isServersFault: Bool {
        [.unknown, .deadlineExceeded, .unimplemented, .internal, .unavailable, .dataLoss].contains(measured)
    }
}

/// The span of the call that the task is making, for what happens to it on the way.
enum ClientSpan {
    @TaskLocal static var current: (any Span)?

    /// Tells the span that another attempt is made.
    ///
    /// - Parameter error: How the one before has ended; `nil` for one beside it.
    static func retried(after error: MicroError?) {
        guard let span = current, span.isRecording else { return }
        var attributes = SpanAttributes()
        if let error { attributes.set(MetricLabels.status, value: .string("\(error.status.measured)")) }
        span.addEvent(SpanEvent(name: error == nil ? "hedge" : "retry", attributes: attributes))
    }
}

/// Writes what a tracer carries on into metadata.
private struct FieldInjector: Injector {
    func inject(_ value: String, forKey key: String, into carrier: inout Metadata) { carrier[key] = value }
}

/// Finds what a tracer carries on in metadata: what breaks the rules is not there.
private struct FieldExtractor: Extractor {
    func extract(key: String, from carrier: Metadata) -> String? {
        switch key.lowercased() {
        case TraceFields.parent: carrier.joinedTraceParent?.text
        case TraceFields.state, TraceFields.baggage: carrier.traceFields[key]
        default: carrier[key]
        }
    }
}

extension Metadata {
    /// The parent that W3C's field names, or else go-micro's two.
    fileprivate var joinedTraceParent: TraceParent? {
        if let parent = traceParent { return parent }
        guard let trace = self[TraceFields.microTrace], let span = self[TraceFields.microSpan] else {
            return nil
        }
        return TraceParent(microTrace: trace, span: span)
    }
}
