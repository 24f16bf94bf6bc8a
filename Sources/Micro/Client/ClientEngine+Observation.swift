import MicroCore
import Tracing

extension ClientEngine {
    /// Makes a call with one message each way, measured and traced if anybody wants that.
    @inline(__always)
    func measuredUnary(
        _ route: CallRoute, _ message: EncodedMessage, _ options: CallOptions,
        deadline: ContinuousClock.Instant, metadata: Metadata
    ) async throws(MicroError) -> UnaryReply {
        guard route.isObserved else {
            return try await unary(route, message, options, deadline: deadline, metadata: metadata)
        }
        do {
            return try await traced(route, metadata) { metadata in
                let start = route.instruments?.began()
                route.instruments?.request(message.count)
                do throws(MicroError) {
                    let reply = try await self.unary(
                        route, message, options, deadline: deadline, metadata: metadata)
                    route.instruments?.response(reply.message.count)
                    route.instruments?.ended(from: start, .ok) { metadata }
                    return reply
                } catch {
                    route.instruments?.ended(from: start, error.status) { metadata }
                    throw error
                }
            }
        } catch {
            throw ClientErrors.outcome(error)
        }
    }

    /// Makes a streaming call, measured and traced if anybody wants that.
    ///
    /// - Parameters:
    ///   - route: Where the call goes.
    ///   - metadata: What goes with it.
    ///   - body: Makes the call, with its metadata and what is to be put around its stream.
    /// - Returns: What the closure returned.
    /// - Throws: What the closure threw.
    func measuredStream<Result>(
        _ route: CallRoute, _ metadata: Metadata,
        _ body: (Metadata, (any ClientCallStream) -> any ClientCallStream) async throws -> Result
    ) async throws -> Result {
        guard route.isObserved else { return try await body(metadata) { $0 } }
        return try await traced(route, metadata) { metadata in
            guard let instruments = route.instruments else { return try await body(metadata) { $0 } }
            let start = instruments.began()
            do {
                let result = try await body(metadata) { ObservedClientStream($0, instruments) }
                instruments.ended(from: start, .ok) { metadata }
                return result
            } catch {
                instruments.ended(from: start, Self.status(error)) { metadata }
                throw error
            }
        }
    }

    /// Makes a span of a call, if anybody wants that.
    private func traced<Answer>(
        _ route: CallRoute, _ metadata: Metadata, _ body: (Metadata) async throws -> Answer
    ) async throws -> Answer {
        guard let tracing else { return try await body(metadata) }
        let started = tracing.sent(route.endpoint, .client, metadata)
        let attributes: SpanAttributes = [MetricLabels.server: .string(route.service)]
        do {
            let answer = try await ClientSpan.$current.withValue(started.span) {
                try await body(metadata.replacingTrace(by: started.fields))
            }
            started.end(call: route.endpoint, .ok, isServer: false, attributes)
            return answer
        } catch {
            started.end(call: route.endpoint, Self.status(error), isServer: false, attributes)
            throw error
        }
    }

    /// The status of a call that ended with an error: one that isn't a call's own is that the caller gave it up.
    private static func status(_ error: any Error) -> RPCStatus {
        (error as? MicroError)?.status ?? .cancelled
    }
}

extension CallRoute {
    /// Records that another attempt of a call is made.
    ///
    /// - Parameter error: How the one before has ended; `nil` for one beside it.
    func retried(after error: MicroError?) {
        instruments?.retried()
        ClientSpan.retried(after: error)
    }
}

/// A stream of a client's call whose messages are measured.
private struct ObservedClientStream: ClientCallStream {
    private let base: any ClientCallStream
    private let instruments: CallInstruments

    init(_ base: any ClientCallStream, _ instruments: CallInstruments) {
        self.base = base
        self.instruments = instruments
    }

    var trailingMetadata: Metadata { base.trailingMetadata }

    func receive() async throws(MicroError) -> EncodedMessage? {
        guard let message = try await base.receive() else { return nil }
        instruments.response(message.count)
        return message
    }

    func send(_ message: EncodedMessage) async throws(MicroError) {
        try await base.send(message)
        instruments.request(message.count)
    }

    func finish() async throws(MicroError) { try await base.finish() }

    func metadata() async throws(MicroError) -> Metadata { try await base.metadata() }

    func cancel() { base.cancel() }
}
