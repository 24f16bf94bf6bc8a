import Logging
import MicroCore
import NIOCore
import NIOEmbedded

@testable import MicroGRPC
@testable import MicroHTTP2

extension FuzzTarget {
    /// What a client sends to a server, behind a good greeting.
    static var http2Server: FuzzTarget {
        FuzzTarget(name: "http2-server") {
            requests()
        } run: { input in
            let loop = EmbeddedEventLoop()
            let server = ServerConnection(
                handler: FuzzHandler(), peer: Peer(address: "fuzz"), limits: GRPCLimits(),
                logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }, onEnd: {})
            let connection = try? HTTP2Connection(serving: server, limits: HTTP2Limits(), loop: loop)
            guard let connection else { return }
            feed(connection, greeting + input, on: loop)
        }
    }

    /// What a server sends to a client that has made a unary and a streaming call.
    static var http2Client: FuzzTarget {
        FuzzTarget(name: "http2-client") {
            answers()
        } run: { input in
            let loop = EmbeddedEventLoop()
            let connection = try? ClientConnection(
                authority: "fuzz", ready: nil, status: ClientStatus(), limits: GRPCLimits(), loop: loop)
            guard let connection else { return }
            for _ in 0..<2 {
                let stream = ClientStream(connection, key: CallKey(), trailers: TrailingMetadata())
                stream.append(EncodedMessage([1, 2, 3]), isCompressed: false)
                stream.end(.stream)
                _ = connection.begin(stream, CallHead(path: "/fuzz.Fuzz/Echo"))
            }
            feed(connection.http2, Array(greeting.dropFirst(24)) + input, on: loop)
        }
    }

    private static let greeting =
        Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, 0) + frame(4, 1, 0)

    /// Hands the bytes over in pieces, whose lengths the bytes themselves give.
    private static func feed(_ connection: HTTP2Connection, _ bytes: [UInt8], on loop: EmbeddedEventLoop) {
        let channel = EmbeddedChannel(handler: connection, loop: loop)
        guard let address = try? SocketAddress(ipAddress: "127.0.0.1", port: 1) else { return }
        channel.connect(to: address, promise: nil)
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(1 + Int(rest.last ?? 0) * 8)
            rest = rest.dropFirst(piece.count)
            _ = try? channel.writeInbound(ByteBuffer(bytes: piece))
            loop.run()
            while let _ = try? channel.readOutbound(as: ByteBuffer.self) {}
        }
        loop.advanceTime(by: .minutes(3))
        _ = try? channel.finish(acceptAlreadyClosed: true)
        loop.run()
    }

    private static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt8, _ payload: [UInt8] = [])
        -> [UInt8]
    {
        let length = [16, 8, 0].map { UInt8(truncatingIfNeeded: payload.count >> $0) }
        return length + [type, flags, 0, 0, 0, stream] + payload
    }

    private static func literal(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }

    private static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0] + literal($0.0) + literal($0.1) }
    }

    private static func requests() -> [[UInt8]] {
        ["Echo", "Stream", "Many", "Nope"].flatMap { name -> [[UInt8]] in
            let head = block([
                (":method", "POST"), (":scheme", "http"), (":path", "/fuzz.Fuzz/\(name)"),
                (":authority", "fuzz"), ("te", "trailers"), ("content-type", "application/grpc+json"),
                ("grpc-timeout", "5S"), ("x-key-bin", "AQID"),
            ])
            let message: [UInt8] = [0, 0, 0, 0, 3, 1, 2, 3]
            let call = frame(1, 4, 1, head) + frame(0, 1, 1, message)
            return [
                call, call + frame(1, 5, 3, head),
                frame(1, 0, 1, head) + frame(9, 4, 1) + frame(0, 0, 1, message),
                frame(1, 4, 1, head) + frame(0, 0, 1, message + message) + frame(3, 0, 1, [0, 0, 0, 8]),
                call + frame(8, 0, 0, [0, 0, 1, 0]) + frame(6, 0, 0, message)
                    + frame(4, 0, 0, [0, 4, 0, 0, 0, 1])
                    + frame(7, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]),
            ]
        }
    }

    private static func answers() -> [[UInt8]] {
        let head = block([(":status", "200"), ("content-type", "application/grpc")])
        let message: [UInt8] = [0, 0, 0, 0, 3, 1, 2, 3]
        let trailers = block([
            ("grpc-status", "2"), ("grpc-message", "a%20b"), ("grpc-status-details-bin", "CAI"),
        ])
        return [1, 3].flatMap { (stream: UInt8) -> [[UInt8]] in
            [
                frame(1, 4, stream, head) + frame(0, 0, stream, message) + frame(1, 5, stream, trailers),
                frame(1, 5, stream, head + trailers),
                frame(1, 4, stream, head) + frame(0, 0, stream, message + message)
                    + frame(3, 0, stream, [0, 0, 0, 7]),
                frame(7, 0, 0, [0, 0, 0, 1, 0, 0, 0, 0]),
            ]
        }
    }
}

/// A handler for each shape of call, all on the thread of their connection.
private struct FuzzHandler: CallHandler {
    private static let executionPolicy = ExecutionPolicy(.inPlace)

    func accept(_ head: CallHead) -> CallDecision {
        // Fields are decoded when they are read.
        for field in head.metadata { _ = field }
        switch head.path {
        case "/fuzz.Fuzz/Echo":
            return .unary({ _, message in UnaryReply(message) }, Self.executionPolicy)
        case "/fuzz.Fuzz/Stream":
            return .stream(
                { (_, stream) async throws(MicroError) in
                    while let message = try await stream.receive() { try await stream.send(message) }
                    return [:]
                }, Self.executionPolicy)
        case "/fuzz.Fuzz/Many":
            return .serverStream(
                { (_, message, stream) async throws(MicroError) in
                    for _ in 0..<3 { try await stream.send(message) }
                    return ["x": "y"]
                }, Self.executionPolicy)
        default: return .refuse(MicroError(.unimplemented, "There is no \(head.path)."))
        }
    }
}
