import MicroCore

extension CallRoute {
    /// Makes a call with one message each way, with all middleware around it.
    func unary<Answer>(
        _ metadata: Metadata, _ deadline: ContinuousClock.Instant?,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (OutgoingCall) async throws -> Answer
    ) async throws(MicroError) -> Answer {
        do {
            return try await around(outgoing(.unary, metadata, deadline), body)
        } catch {
            throw ClientErrors.outcome(error)
        }
    }

    /// Makes a call with all middleware around it; one without middleware costs no allocation.
    func around<Answer>(
        _ call: OutgoingCall, isolation: isolated (any Actor)? = #isolation,
        _ body: (OutgoingCall) async throws -> Answer
    ) async throws -> Answer {
        guard !middleware.isEmpty else { return try await body(call) }
        // Middleware may be code that stores its `next` for a while, but not beyond its own end.
        return try await withoutActuallyEscaping(body) { body in
            _ = isolation  // The closure stays with the caller's actor, as `body` does.
            return try await wrap(body)(call)
        }
    }

    /// Returns a call that is about to be made.
    func outgoing(
        _ shape: CallShape, _ metadata: Metadata, _ deadline: ContinuousClock.Instant?
    ) -> OutgoingCall {
        OutgoingCall(
            service: service, endpoint: endpoint, shape: shape, metadata: metadata, deadline: deadline)
    }

    private func wrap<Answer>(
        _ body: @escaping (OutgoingCall) async throws -> Answer
    ) -> NextCall<Answer> {
        var run = NextCall(body)
        for middleware in middleware.reversed() {
            let next = run
            run = NextCall { try await middleware.handle($0, next: next) }
        }
        return run
    }
}
