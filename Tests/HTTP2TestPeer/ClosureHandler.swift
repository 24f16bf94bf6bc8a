package import MicroCore
import MicroTransportHTTP2

/// A call handler made of a closure.
package struct ClosureHandler: CallHandler {
    package let decide: @Sendable (CallHead) -> CallDecision

    package init(_ decide: @escaping @Sendable (CallHead) -> CallDecision) { self.decide = decide }

    package func accept(_ head: CallHead) -> CallDecision { decide(head) }
}

/// Runs a test against a listener whose unary endpoint answers as a closure says, and with a client of it.
///
/// Every path that ends in `Stream` is a streaming endpoint, which sends one message before it throws the
/// closure's error, and with the closure's trailing metadata.
package func withAnswers(
    _ answer: @escaping @Sendable (CallHead) throws(MicroError) -> UnaryReply,
    _ body: (any Connection, ListenAddress) async throws -> Void
) async throws {
    let handler = ClosureHandler { head in
        guard head.path.hasSuffix("Stream") else {
            return .unary({ (head, _) async throws(MicroError) in try answer(head) }, ExecutionPolicy())
        }
        return .stream(
            { (head, stream) async throws(MicroError) in
                try await stream.send(EncodedMessage([1]))
                return try answer(head).trailingMetadata
            }, ExecutionPolicy())
    }
    try await withConnection(to: handler, body)
}

/// Runs a test against a listener with a handler, and with a client of it.
package func withConnection(
    to handler: any CallHandler, _ body: (any Connection, ListenAddress) async throws -> Void
) async throws {
    let transport = HTTP2Transport()
    let listener = try await transport.listen(on: .host("127.0.0.1", port: 0), handler: handler)
    let connection = try await transport.connect(
        to: Node(id: "n", address: "\(listener.address)"), as: .host("localhost"))
    do {
        try await body(connection, listener.address)
    } catch {
        await connection.close(deadline: .now)
        await listener.shutdown(deadline: .now)
        throw error
    }
    await connection.close(deadline: .now)
    await listener.shutdown(deadline: .now)
}
