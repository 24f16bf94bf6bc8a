import HTTP2TestPeer
import MicroCore
import NIOCore
import NIOEmbedded

@testable import MicroGRPC
@testable import MicroHTTP2

/// A client's connection on an event loop whose timers run only when the test says so.
///
/// The clock that calls look at runs on, so a test decides which comes first: a frame or a timer.
struct EmbeddedClient {
    let loop = EmbeddedEventLoop()
    let connection: ClientConnection
    let channel: EmbeddedChannel
    let status = ClientStatus()

    /// Opens a connection to a server that has greeted us.
    init(_ limits: GRPCLimits = GRPCLimits(), settings: Frame = Frame(.settings)) throws {
        connection = try ClientConnection(
            authority: "test", ready: nil, status: status, limits: limits, loop: loop)
        channel = EmbeddedChannel(handler: connection.http2, loop: loop)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        try receive(settings, Frame(.settings, flags: Frame.ack))
        _ = try sent()
    }

    /// Begins a call, whose request has no message yet.
    func call(
        _ path: String = "/test.Test/Stream", timeout: Duration? = nil, message: EncodedMessage? = nil
    ) -> (stream: ClientStream, error: MicroError?) {
        let stream = ClientStream(connection, key: CallKey(), trailers: TrailingMetadata())
        if let message {
            stream.append(message, isCompressed: false)
            stream.end(.stream)
        }
        var head = CallHead(path: path)
        if let timeout { head.deadline = .now + timeout }
        let error = connection.begin(stream, head)
        loop.run()
        return (stream, error)
    }

    /// Lets frames of the server come.
    func receive(_ frames: Frame...) throws {
        try channel.writeInbound(ByteBuffer(bytes: frames.flatMap(\.bytes)))
        loop.run()
    }

    /// Returns the frames that were sent since the last time, without the preface.
    func sent() throws -> [Frame] {
        loop.run()
        var bytes: [UInt8] = []
        while let part = try channel.readOutbound(as: ByteBuffer.self) { bytes += part.readableBytesView }
        if bytes.starts(with: Frame.preface) { bytes.removeFirst(Frame.preface.count) }
        var frames: [Frame] = []
        while bytes.count >= 9 {
            let length = bytes[..<3].reduce(0) { $0 << 8 | Int($1) }
            let stream = bytes[5..<9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            frames.append(
                Frame(
                    type: bytes[3], flags: bytes[4], stream: stream, payload: Array(bytes[9..<9 + length])))
            bytes.removeFirst(9 + length)
        }
        return frames
    }

    func close() throws {
        _ = try channel.finish(acceptAlreadyClosed: true)
        loop.run()
    }
}

extension ClientStream {
    /// The error that the call ended with, if it did.
    var failure: MicroError? { if case .failure(let error)? = poll() { error } else { nil } }
}
