internal import Micro
internal import MicroCore
internal import Synchronization

/// Records the last calls of a service, for `Debug.Trace`.
///
/// A caller that sends go-micro's `Micro-Trace-Id` and `Micro-Span-Id` finds its calls by that trace.
final class SpanRecorder: ServerMiddleware {
    /// How many calls are kept, as in go-micro.
    private static let capacity = 256

    private let spans = Mutex(Ring<Debug_Span>(capacity: capacity))

    /// Returns the calls of a trace, or all of them, the oldest first.
    func spans(of trace: String) -> [Debug_Span] {
        spans.withLock(\.elements).filter { trace.isEmpty || $0.trace == trace }
    }

    func handle<Answer: Sendable>(
        _ context: RequestContext, next: Next<Answer>
    ) async throws -> Answer {
        var span = Debug_Span()
        span.started = WallClock.nanoseconds
        let clock = ContinuousClock.now
        do {
            let answer = try await next()
            record(&span, context, clock)
            return answer
        } catch {
            // Only errors for callers are told: the text of others is for the log.
            span.metadata["error"] = String(((error as? MicroError)?.detail ?? "internal error").prefix(1024))
            record(&span, context, clock)
            throw error
        }
    }

    private func record(_ span: inout Debug_Span, _ context: RequestContext, _ start: ContinuousClock.Instant)
    {
        let duration = (ContinuousClock.now - start).components
        span.duration =
            UInt64(max(0, duration.seconds)) &* 1_000_000_000
            &+ UInt64(max(0, duration.attoseconds / 1_000_000_000))
        span.name = "\(context.service.name).\(context.endpoint)"
        span.id = Self.newID()
        let metadata = context.metadata
        if let trace = metadata["micro-trace-id"], let parent = metadata["micro-span-id"] {
            span.trace = String(trace.prefix(128))
            span.parent = String(parent.prefix(128))
        } else {
            span.trace = Self.newID()
        }
        let recorded = span
        spans.withLock { $0.append(recorded) }
    }

    private static func newID() -> String {
        let number = String(UInt64.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: 16 - number.count) + number
    }
}
