import Foundation
import HTTP2TestPeer
import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import NIOCore
import NIOPosix
import Testing

/// Very many connections that do nothing.
@Suite(.timeLimit(.minutes(2))) struct IdleConnectionsTests {
    private static let count = 10_000

    /// They cost a bounded part of memory each, others are served beside them, and nothing stays of them.
    @Test func tenThousandAreHeldAndLetGo() async throws {
        let server = try ForeignProgram(
            try BuiltPrograms.path("interop-server"), ["--port=0", "--host=127.0.0.1"])
        try await server.waitForOutput("listening 127.0.0.1:")
        let port = try #require(
            server.output.split(whereSeparator: { $0 == ":" || $0.isNewline }).compactMap { Int($0) }.first)
        let node = Node(id: "server", address: "127.0.0.1:\(port)")
        let neighbour = try await HTTP2Transport().connect(to: node, as: .host("localhost"))
        let call = CallHead(path: "/grpc.testing.TestService/EmptyCall")
        _ = try await neighbour.unary(call, EncodedMessage())
        let before = (memory: try residentBytes(of: server), files: try openFiles(of: server))

        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let channels = try await connections(to: port, group)
        try await eventually("the server has them all") {
            try openFiles(of: server) >= before.files + Self.count
        }
        for _ in 0..<100 { _ = try await neighbour.unary(call, EncodedMessage()) }
        // The greeting is an exchange, so all that a connection needs is there.
        let growth = try residentBytes(of: server) - before.memory
        #expect(growth / Self.count < 32 << 10, "\(growth / Self.count) bytes for each")

        for channel in channels { channel.close(promise: nil) }
        try await eventually("the server has let go of them") {
            try openFiles(of: server) <= before.files
        }
        _ = try await neighbour.unary(call, EncodedMessage())
        await neighbour.close(deadline: .now)
        await server.stop()
        try await group.shutdownGracefully()
    }

    /// What a client has sent does not stay in memory when its calls are done.
    @Test(arguments: [false, true])
    func longRequestsAreForgotten(haveLongBody: Bool) async throws {
        let path =
            haveLongBody
            ? "/grpc.testing.TestService/UnaryCall" : "/" + String(repeating: "p", count: 15_000)
        let body = haveLongBody ? framed([UInt8](repeating: 0, count: 200_000)) : []
        let server = try ForeignProgram(
            try BuiltPrograms.path("interop-server"), ["--port=0", "--host=127.0.0.1"])
        try await server.waitForOutput("listening 127.0.0.1:")
        let port = try #require(
            server.output.split(whereSeparator: { $0 == ":" || $0.isNewline }).compactMap { Int($0) }.first)
        let address = ListenAddress.host("127.0.0.1", port: port)
        let before = try residentBytes(of: server)
        var connections: [RawConnection] = []
        for _ in 0..<100 {
            let connection = try await RawConnection.open(to: address)
            connections.append(connection)
            for stream in stride(from: UInt32(1), to: 33, by: 2) {
                // Each of the long paths is another one.
                let fields = RawConnection.request(haveLongBody ? path : "\(path)\(stream)")
                try await connection.send(.headers(fields, stream: stream))
                for start in stride(from: 0, to: body.count, by: 16 << 10) {
                    let part = Array(body[start..<min(start + (16 << 10), body.count)])
                    try await connection.send(.data(part, stream: stream))
                }
                try await connection.send(.data([], stream: stream, ends: true))
                _ = try await connection.answer(on: stream)
            }
        }
        let growth = try residentBytes(of: server) - before
        #expect(growth / connections.count < 200 << 10, "\(growth / connections.count) bytes for each")
        for connection in connections { await connection.close() }
        await server.stop()
    }

    /// Opens connections that greet the server and then keep silent, some at a time.
    private func connections(to port: Int, _ group: MultiThreadedEventLoopGroup) async throws -> [any Channel]
    {
        let bootstrap = ClientBootstrap(group: group).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(SilentClient())
            }
        }
        var channels: [any Channel] = []
        while channels.count < Self.count {
            let opened = (0..<100).map { _ in bootstrap.connect(host: "127.0.0.1", port: port) }
            for channel in opened { channels.append(try await channel.get()) }
        }
        return channels
    }

    private func residentBytes(of program: ForeignProgram) throws -> Int {
        let path = "/proc/\(program.processIdentifier)/statm"
        let pages = try String(contentsOfFile: path, encoding: .utf8).split(separator: " ")
        return try #require(Int(pages[1])) * Int(getpagesize())
    }

    private func openFiles(of program: ForeignProgram) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(program.processIdentifier)/fd").count
    }
}

/// Speaks HTTP/2 as far as that a server takes the connection for good.
private final class SilentClient: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var hasGreeted = false

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: Frame.opening)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasGreeted else { return }
        hasGreeted = true
        let acknowledgement = Frame(.settings, flags: Frame.ack)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: acknowledgement.bytes)), promise: nil)
    }
}
