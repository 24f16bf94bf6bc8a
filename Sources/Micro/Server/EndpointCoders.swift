import MicroCore

/// The coders of one endpoint for one content subtype, with the errors that a caller gets.
struct EndpointCoders<Request: Sendable, Response: Sendable>: Sendable {
    let info: EndpointInfo
    let request: MessageCoder<Request>
    let response: MessageCoder<Response>

    func decode(_ message: Message) throws -> Request {
        do {
            return try message.withBytes(request.decode)
        } catch {
            throw undecodable(error)
        }
    }

    func encode(_ value: Response) throws -> Message {
        do {
            return try response.encode(value)
        } catch {
            throw unencodable(error)
        }
    }

    func reader(_ stream: any InboundStream) -> MessageStream<Request> {
        MessageStream(
            decode: request.decode, describeFailure: undecodable,
            receive: { () async throws(MicroError) in try await stream.receive() })
    }

    func writer(_ stream: any InboundStream, _ context: RequestContext) -> MessageWriter<Response> {
        MessageWriter(
            encode: response.encode, describeFailure: unencodable,
            send: { message async throws(MicroError) in
                if let metadata = context.takeResponseMetadata() { try await stream.sendMetadata(metadata) }
                try await stream.send(message)
            })
    }

    @Sendable private func undecodable(_ error: any Error) -> MicroError {
        MicroError(
            id: info.service.name, code: 400,
            detail: "The request of \(info.name) can't be decoded: \(CodingFailure.text(error))")
    }

    @Sendable private func unencodable(_ error: any Error) -> MicroError {
        info.environment.outcome(of: UnencodableReply(underlying: error), endpoint: info.name)
    }
}

/// A reply that its coder refused; the caller learns no more than that something failed.
private struct UnencodableReply: Error, CustomStringConvertible {
    let underlying: any Error

    var description: String { "The reply can't be encoded: \(CodingFailure.text(underlying))" }
}
