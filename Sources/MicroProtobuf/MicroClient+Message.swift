@_spi(MessageFamily) public import Micro
public import MicroCore
public import SwiftProtobuf

extension RPCMethod {
    /// Creates a method of Protobuf messages.
    ///
    /// - Parameters:
    ///   - service: The service's registered name.
    ///   - endpoint: The endpoint, `Type.Method` or a whole path.
    ///   - contentSubtype: How the messages are encoded; `proto` by default.
    ///   - isIdempotent: Whether the method may have its effect several times.
    public convenience init(
        _ service: String, _ endpoint: String, contentSubtype: String? = nil, isIdempotent: Bool = false
    ) where Request: SwiftProtobuf.Message, Reply: SwiftProtobuf.Message {
        self.init(
            service: service, endpoint: endpoint, request: Request.self, reply: Reply.self,
            contentSubtype: contentSubtype, isIdempotent: isIdempotent)
    }
}

extension MicroClient {
    /// Makes a call of Protobuf messages, with one each way.
    ///
    /// - Parameters:
    ///   - service: The service's registered name.
    ///   - endpoint: The endpoint, `Type.Method` or a whole path.
    ///   - request: The request.
    ///   - reply: The type of the reply.
    ///   - options: How the call is made.
    /// - Returns: The reply.
    /// - Throws: The error that the service answered with, or why it could not be called.
    public func call<Request: SwiftProtobuf.Message, Reply: SwiftProtobuf.Message>(
        _ service: String, _ endpoint: String, _ request: Request, returning reply: Reply.Type,
        options: CallOptions = CallOptions()
    ) async throws(MicroError) -> Reply {
        try await call(
            await method(service, endpoint, Request.self, reply, options), request, options: options)
    }

    /// Makes a call of Protobuf messages, with one request and many replies.
    ///
    /// The call lives as long as the closure: if it returns or throws before the last reply, the call is
    /// cancelled.
    ///
    /// - Parameters:
    ///   - service: The service's registered name.
    ///   - endpoint: The endpoint, `Type.Method` or a whole path.
    ///   - request: The request.
    ///   - reply: The type of the replies.
    ///   - options: How the call is made.
    ///   - body: Reads the replies.
    /// - Returns: What the closure returned.
    /// - Throws: What the closure threw, or why the service could not be called.
    public func stream<Request: SwiftProtobuf.Message, Reply: SwiftProtobuf.Message, Result>(
        _ service: String, _ endpoint: String, _ request: Request, returning reply: Reply.Type,
        options: CallOptions = CallOptions(), _ body: (MessageStream<Reply>) async throws -> Result
    ) async throws -> Result {
        let method = try await method(service, endpoint, Request.self, reply, options)
        return try await stream(method, request, options: options, body)
    }

    /// Makes a call of Protobuf messages, with many requests and one reply.
    ///
    /// - Parameters:
    ///   - service: The service's registered name.
    ///   - endpoint: The endpoint, `Type.Method` or a whole path.
    ///   - request: The type of the requests.
    ///   - reply: The type of the reply.
    ///   - options: How the call is made.
    ///   - body: Writes the requests; when it returns, the requests end.
    /// - Returns: The reply.
    /// - Throws: What the closure threw, the error that the service answered with, or why it could not be
    ///   called.
    public func stream<Request: SwiftProtobuf.Message, Reply: SwiftProtobuf.Message>(
        _ service: String, _ endpoint: String, sending request: Request.Type, returning reply: Reply.Type,
        options: CallOptions = CallOptions(), _ body: (RequestWriter<Request>) async throws -> Void
    ) async throws -> Reply {
        let method = try await method(service, endpoint, request, reply, options)
        return try await stream(method, options: options, body)
    }

    /// Makes a call of Protobuf messages, with many requests and many replies.
    ///
    /// The call lives as long as the closure: if it returns or throws before the last reply, the call is
    /// cancelled.
    ///
    /// - Parameters:
    ///   - service: The service's registered name.
    ///   - endpoint: The endpoint, `Type.Method` or a whole path.
    ///   - request: The type of the requests.
    ///   - reply: The type of the replies.
    ///   - options: How the call is made.
    ///   - body: Writes the requests and reads the replies, at once or in turn.
    /// - Returns: What the closure returned.
    /// - Throws: What the closure threw, or why the service could not be called.
    public func stream<Request: SwiftProtobuf.Message, Reply: SwiftProtobuf.Message, Result>(
        _ service: String, _ endpoint: String, sending request: Request.Type, returning reply: Reply.Type,
        options: CallOptions = CallOptions(),
        _ body: (RequestWriter<Request>, MessageStream<Reply>) async throws -> Result
    ) async throws -> Result {
        let method = try await method(service, endpoint, request, reply, options)
        return try await stream(method, options: options, body)
    }
}
