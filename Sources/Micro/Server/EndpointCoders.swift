import MicroCore

/// The coders of one endpoint for one content subtype, with the errors that a caller gets.
struct EndpointCoders<Request: Sendable, Response: Sendable>: Sendable {
    let failures: CodingFailures
    let request: MessageCoder<Request>
    let response: MessageCoder<Response>

    func decode(_ message: EncodedMessage) throws -> Request {
        do {
            return try message.withBytes(request.decode)
        } catch {
            throw failures.undecodable(error)
        }
    }

    func encode(_ value: Response) throws -> EncodedMessage {
        do {
            return try response.encode(value)
        } catch {
            throw failures.unencodable(error)
        }
    }

    func reader(_ stream: any ServerCallStream) -> MessageStream<Request> {
        MessageStream(
            decode: request.decode, describeFailure: failures.undecodable,
            receive: { () async throws(MicroError) in try await stream.receive() })
    }

    func writer(_ stream: any ServerCallStream, _ context: RequestContext) -> MessageWriter<Response> {
        MessageWriter(
            encode: response.encode, describeFailure: failures.unencodable,
            send: { message async throws(MicroError) in
                try await context.sendResponseMetadata(stream)
                try await stream.send(message)
            })
    }
}

/// The errors that a caller gets when a message of an endpoint can't be encoded or decoded.
struct CodingFailures: Sendable {
    let info: EndpointInfo
    let environment: ServiceEnvironment

    @Sendable func undecodable(_ error: any Error) -> MicroError {
        MicroError(
            id: info.service.name, httpCode: 400,
            detail: "The request of \(info.name) can't be decoded: \(CodingFailure.text(error))")
    }

    @Sendable func unencodable(_ error: any Error) -> MicroError {
        environment.outcome(
            of: UnencodableReply(underlying: error), endpoint: info.name, logger: environment.logger)
    }

    func undecodable(_ error: any Error, _ context: RequestContext) -> MicroError {
        context.outcome(of: undecodable(error))
    }

    func unencodable(_ error: any Error, _ context: RequestContext) -> MicroError {
        context.outcome(of: unencodable(error))
    }
}

/// A reply that its coder refused; the caller learns no more than that something failed.
private struct UnencodableReply: Error, CustomStringConvertible {
    let underlying: any Error

    var description: String { "The reply can't be encoded: \(CodingFailure.text(underlying))" }
}
