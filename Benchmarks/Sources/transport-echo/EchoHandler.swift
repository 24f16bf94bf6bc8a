import EchoMessages
import Foundation
import MicroCore
import SwiftProtobuf

/// The echo service straight on the transport: no router, no context, no coder, and for a unary
/// call no message either.
struct EchoHandler: CallHandler {
    private let executionPolicy = ExecutionPolicy()
    private let spinExecutionPolicy = ExecutionPolicy()

    func accept(_ head: CallHead) -> CallDecision {
        switch head.path {
        case "/echo.Echo/Unary": .unary({ _, message in UnaryReply(message) }, executionPolicy)
        case "/echo.Echo/ServerStream": .serverStream(Self.stream, executionPolicy)
        case "/echo.Echo/Spin": .unary(Self.spin, spinExecutionPolicy)
        default: .refuse(MicroError(.unimplemented, "There is no \(head.path)."))
        }
    }

    private static let stream: ServerStreamRun = { _, message, stream throws(MicroError) in
        let request: Echo_StreamRequest = try decode(message)
        let reply = EncodedMessage(
            try encode(Echo_Payload.with { $0.payload = Data(count: Int(request.size)) }))
        for _ in 0..<request.count { try await stream.send(reply) }
        return [:]
    }

    private static let spin: UnaryRun = { _, message throws(MicroError) in
        let request: Echo_SpinRequest = try decode(message)
        let end = ContinuousClock.now.advanced(by: .microseconds(Int(request.microseconds)))
        while ContinuousClock.now < end {}
        return UnaryReply(EncodedMessage())
    }

    private static func decode<Request: SwiftProtobuf.Message>(
        _ message: EncodedMessage
    ) throws(MicroError) -> Request {
        do {
            return try Request(serializedBytes: message.bytes)
        } catch {
            throw MicroError(.invalidArgument, "The request can't be read: \(error)")
        }
    }

    private static func encode(_ message: some SwiftProtobuf.Message) throws(MicroError) -> [UInt8] {
        do {
            return try message.serializedBytes()
        } catch {
            throw MicroError(.internal, "The reply can't be written: \(error)")
        }
    }
}
