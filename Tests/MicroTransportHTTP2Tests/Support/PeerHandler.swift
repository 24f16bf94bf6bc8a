import Foundation
import MicroCore
import SwiftProtobuf

/// The endpoints of `peer.Peer`, on the bare call handler.
///
/// `Tests/Peers/README.md` says what each does.
final class PeerHandler: CallHandler {
    let calls = PeerCalls()
    private let executionPolicy = ExecutionPolicy()

    func accept(_ head: CallHead) -> CallDecision {
        let name = head.path.hasPrefix("/peer.Peer/") ? String(head.path.dropFirst(11)) : ""
        if let unary = unary(name) { return .unary(unary, executionPolicy) }
        if let stream = serverStream(name) { return .serverStream(stream, executionPolicy) }
        if let stream = stream(name) { return .stream(stream, executionPolicy) }
        return .refuse(MicroError(.unimplemented, "There is no endpoint \(head.path)."))
    }

    // MARK: Unary

    private func unary(_ name: String) -> UnaryRun? {
        switch name {
        case "Unary": { (_, message) async throws(MicroError) in UnaryReply(message) }
        case "Metadata": { (head, _) async throws(MicroError) in Self.echoedMetadata(head) }
        case "Status":
            { (head, message) async throws(MicroError) in
                if let error = try Self.status(message, head) { throw error }
                var reply = UnaryReply(EncodedMessage())
                reply.trailingMetadata = head.metadata.only("x-trail-")
                return reply
            }
        case "Sleep": { (_, message) async throws(MicroError) in try await self.sleep(message) }
        case "Await":
            { (_, message) async throws(MicroError) in
                let request: Peer_AwaitRequest = try message.decoded()
                let state = await self.calls.wait(for: request.id, state: request.state)
                return UnaryReply(try EncodedMessage(encoding: Peer_CallState.with { $0.state = state }))
            }
        case "Deadline": { (head, _) async throws(MicroError) in try Self.deadline(head) }
        case "Caller":
            { (head, _) async throws(MicroError) in
                let reply = Peer_CallerReply.with { reply in
                    reply.address = head.peer?.address ?? ""
                    reply.identities = head.peer?.identities ?? []
                }
                return UnaryReply(try EncodedMessage(encoding: reply))
            }
        default: nil
        }
    }

    private static func echoedMetadata(_ head: CallHead) -> UnaryReply {
        UnaryReply(
            EncodedMessage(), metadata: head.metadata.only("x-echo-"),
            trailingMetadata: head.metadata.only("x-trail-"))
    }

    private static func status(_ message: EncodedMessage, _ head: CallHead) throws(MicroError) -> MicroError?
    {
        let request: Peer_StatusRequest = try message.decoded()
        guard request.code != 0 else { return nil }
        var error = MicroError(RPCStatus(rawValue: Int(request.code)), request.message)
        error.trailingMetadata = head.metadata.only("x-trail-")
        return error
    }

    private func sleep(_ message: EncodedMessage) async throws(MicroError) -> UnaryReply {
        let request: Peer_SleepRequest = try message.decoded()
        try await calls.observe(request.id) { () async throws(MicroError) in
            try await Self.pause(.milliseconds(Int(request.milliseconds)))
        }
        return UnaryReply(EncodedMessage())
    }

    private static func deadline(_ head: CallHead) throws(MicroError) -> UnaryReply {
        let reply = Peer_DeadlineReply.with { reply in
            guard let deadline = head.deadline else { return }
            reply.hasDeadline_p = true
            let left = (deadline - .now).components
            reply.milliseconds =
                UInt64(left.seconds) * 1000 + UInt64(left.attoseconds / 1_000_000_000_000_000)
        }
        return UnaryReply(try EncodedMessage(encoding: reply))
    }

    private static func pause(_ time: Duration) async throws(MicroError) {
        do {
            try await Task.sleep(for: time)
        } catch {
            throw MicroError(.cancelled, "The handler was cancelled.")
        }
    }

    // MARK: Server streaming

    private func serverStream(_ name: String) -> ServerStreamRun? {
        switch name {
        case "ServerStream":
            { (_, message, stream) async throws(MicroError) in
                let request: Peer_StreamRequest = try message.decoded()
                for index in 0..<request.count {
                    let bytes = Data(repeating: UInt8(truncatingIfNeeded: index), count: Int(request.size))
                    try await stream.send(EncodedMessage(payload: bytes))
                }
                return [:]
            }
        case "StatusAfter":
            { (head, message, stream) async throws(MicroError) in
                let error = try Self.status(message, head)
                try await stream.send(EncodedMessage(payload: Data("first".utf8)))
                if let error { throw error }
                return [:]
            }
        case "Ticks":
            { (_, message, stream) async throws(MicroError) in
                let request: Peer_SleepRequest = try message.decoded()
                let end = ContinuousClock.now + .milliseconds(Int(request.milliseconds))
                try await self.calls.observe(request.id) { () async throws(MicroError) in
                    while ContinuousClock.now < end {
                        try await stream.send(EncodedMessage(payload: Data("tick".utf8)))
                        try await Self.pause(.milliseconds(10))
                    }
                }
                return [:]
            }
        default: nil
        }
    }

    // MARK: Streaming both ways

    private func stream(_ name: String) -> StreamRun? {
        switch name {
        case "ClientStream":
            { (_, stream) async throws(MicroError) in
                var joined = Data()
                while let message = try await stream.receive() {
                    joined += (try message.decoded() as Peer_Payload).payload
                }
                try await stream.send(EncodedMessage(payload: joined))
                return [:]
            }
        case "Bidi": { (_, stream) async throws(MicroError) in try await Self.echo(stream) }
        case "SpeakFirst":
            { (_, stream) async throws(MicroError) in
                try await stream.send(EncodedMessage(payload: Data("hello".utf8)))
                _ = try await Self.echo(stream)
                try await stream.send(EncodedMessage(payload: Data("bye".utf8)))
                return [:]
            }
        case "FirstOnly":
            { (_, stream) async throws(MicroError) in
                if let message = try await stream.receive() { try await stream.send(message) }
                return [:]
            }
        default: nil
        }
    }

    private static func echo(_ stream: any ServerCallStream) async throws(MicroError) -> Metadata {
        while let message = try await stream.receive() { try await stream.send(message) }
        return [:]
    }
}

extension Metadata {
    /// The fields whose names have a prefix.
    func only(_ prefix: String) -> Metadata {
        var kept = self
        kept.removeAll { !$0.name.hasPrefix(prefix) }
        return kept
    }
}

extension EncodedMessage {
    init(encoding message: some SwiftProtobuf.Message) throws(MicroError) {
        do {
            self.init(try message.serializedBytes() as [UInt8])
        } catch {
            throw MicroError(.internal, "\(error)")
        }
    }

    init(payload: Data) throws(MicroError) {
        try self.init(encoding: Peer_Payload.with { $0.payload = payload })
    }

    func decoded<Value: SwiftProtobuf.Message>() throws(MicroError) -> Value {
        do {
            return try Value(serializedBytes: bytes)
        } catch {
            throw MicroError(.invalidArgument, "The message is damaged: \(error)")
        }
    }

    /// The bytes in a message of the type `Payload`.
    var payload: Data {
        get throws(MicroError) { (try decoded() as Peer_Payload).payload }
    }
}
