import MicroCore

/// A handler and what it is called with, in one value, so that its task needs one allocation.
enum HandlerCall: Sendable {
    case unary(UnaryRun, CallHead, Message)
    case serverStream(ServerStreamRun, CallHead, Message, ServerStreamHandle)
    case stream(StreamRun, CallHead, ServerStreamHandle)

    /// Runs the handler.
    func run() async -> HandlerOutcome {
        do throws(MicroError) {
            switch self {
            case .unary(let run, let head, let message):
                return .reply(try await run(head, message))
            case .serverStream(let run, let head, let message, let stream):
                return .streamed(trailers: try await run(head, message, stream))
            case .stream(let run, let head, let stream):
                return .streamed(trailers: try await run(head, stream))
            }
        } catch {
            return .failure(error)
        }
    }
}

/// What a handler ends a call with.
enum HandlerOutcome: Sendable {
    case reply(UnaryReply)
    case streamed(trailers: Metadata)
    case failure(MicroError)
}
