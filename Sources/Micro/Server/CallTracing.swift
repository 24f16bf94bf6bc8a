import MicroCore
import Tracing

/// Makes a span of each call of an endpoint.
///
/// It is around everything else that runs for a call, and puts the span's fields in place of those that came: so the
/// handler, its log and what it calls see the span.
struct CallTracing: Sendable {
    let tracing: EngineTracing
    let endpoint: String

    func around(_ decision: CallDecision) -> CallDecision {
        switch decision {
        case .unary(let run, let policy):
            .unary(
                { head, message async throws(MicroError) in
                    try await traced(head) { head async throws(MicroError) in try await run(head, message) }
                }, policy)
        case .serverStream(let run, let policy):
            .serverStream(
                { head, message, stream async throws(MicroError) in
                    try await traced(head) { head async throws(MicroError) in
                        try await run(head, message, stream)
                    }
                }, policy)
        case .stream(let run, let policy):
            .stream(
                { head, stream async throws(MicroError) in
                    try await traced(head) { head async throws(MicroError) in try await run(head, stream) }
                }, policy)
        case .refuse: decision
        }
    }

    private func traced<Answer>(
        _ head: CallHead, _ body: (CallHead) async throws(MicroError) -> Answer
    ) async throws(MicroError) -> Answer {
        let started = tracing.received(endpoint, .server, head.metadata)
        var inner = head
        inner.metadata = head.metadata.replacingTrace(by: started.fields)
        var attributes = SpanAttributes()
        if let peer = head.peer { attributes.set(LogKeys.peer, value: .string(peer.address)) }
        do {
            let answer = try await ServiceContext.withValue(started.span.context) {
                try await body(inner)
            }
            started.end(call: endpoint, .ok, isServer: true, attributes)
            return answer
        } catch {
            let outcome = ClientErrors.outcome(error)
            started.end(call: endpoint, outcome.status, isServer: true, attributes)
            throw outcome
        }
    }
}
