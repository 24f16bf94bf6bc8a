import MicroCore

/// A handler and what it is called with, in one value, so that its task needs one allocation.
enum HandlerCall: Sendable {
    case unary(UnaryRun, CallHead, EncodedMessage)
    case serverStream(ServerStreamRun, CallHead, EncodedMessage, ServerStreamHandle)
    case stream(StreamRun, CallHead, ServerStreamHandle)

    /// How much the compressed messages of honest clients grow, roughly.
    private static let inflation = 16

    /// About how many bytes are decoded before the handler begins.
    var messageSize: Int {
        switch self {
        case .unary(_, _, let message), .serverStream(_, _, let message, _):
            message.receivedCompression == .identity ? message.count : message.count * Self.inflation
        case .stream: 0
        }
    }

    /// Runs the handler, between restoring what came compressed and compressing what it answers.
    ///
    /// - Parameter limit: The greatest length of a message.
    /// - Returns: What it ends the call with.
    func run(limit: Int) async -> HandlerOutcome {
        do throws(MicroError) {
            switch self {
            case .unary(let run, let head, let message):
                let reply =
                    message.receivedCompression == .identity
                    ? try await run(head, message)
                    : try await run(head, try message.restored(limit: limit))
                return reply.compression == .identity ? .reply(reply) : compress(reply, head, limit: limit)
            case .serverStream(let run, let head, let message, let stream):
                let message = try message.restored(limit: limit)
                return .streamed(trailers: try await run(head, message, stream))
            case .stream(let run, let head, let stream):
                return .streamed(trailers: try await run(head, stream))
            }
        } catch {
            return .failure(error)
        }
    }

    private func compress(_ reply: UnaryReply, _ head: CallHead, limit: Int) -> HandlerOutcome {
        var reply = reply
        if reply.message.count <= limit, head.acceptedCompression.allows(reply.compression),
            let compressed = reply.message.compressed(reply.compression)
        {
            reply.message = compressed
        } else {
            reply.compression = .identity
        }
        return .reply(reply)
    }
}

/// What a handler ends a call with.
enum HandlerOutcome: Sendable {
    /// A reply, whose message is compressed already if it says so.
    case reply(UnaryReply)
    case streamed(trailers: Metadata)
    case failure(MicroError)
}
