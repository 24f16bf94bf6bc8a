import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// A server of a few words, to say what a real one never would.
final class FakeServer: Sendable {
    /// What it does when it is spoken to; it is given what has been said so far on the connection.
    typealias Script = @Sendable (_ connection: Int, _ heard: String, any Channel) -> Void

    let port: Int
    private let channel: any Channel
    private let state: Connections

    final class Connections: Sendable {
        private let channels = Mutex<[any Channel]>([])
        var count: Int { channels.withLock(\.count) }
        func add(_ channel: any Channel) -> Int {
            channels.withLock { channels in
                channels.append(channel)
                return channels.count
            }
        }
        var all: [any Channel] { channels.withLock { $0 } }
    }

    private final class Listener: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let state: Connections
        private let greeting: String
        private let script: Script
        private var heard = ""
        private var number = 0

        init(_ state: Connections, _ greeting: String, _ script: @escaping Script) {
            self.state = state
            self.greeting = greeting
            self.script = script
        }

        func channelActive(context: ChannelHandlerContext) {
            number = state.add(context.channel)
            context.channel.writeAndFlush(ByteBuffer(string: greeting), promise: nil)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            heard += String(buffer: unwrapInboundIn(data))
            script(number, heard, context.channel)
        }
    }

    static let greeting = "INFO {\"server_id\":\"x\",\"headers\":true,\"max_payload\":1048576}\r\n"

    init(greeting: String = FakeServer.greeting, _ script: @escaping Script) async throws {
        let state = Connections()
        self.state = state
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Listener(state, greeting, script))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    var connections: Int { state.count }

    /// Says something on the newest connection.
    func say(_ text: String) {
        state.all.last?.writeAndFlush(ByteBuffer(string: text), promise: nil)
    }

    /// Closes the newest connection.
    func cut() { state.all.last?.close(promise: nil) }

    func stop() async {
        for child in state.all { try? await child.close() }
        try? await channel.close()
    }

    /// Lets everybody in who says CONNECT and PING.
    static func welcome(_ heard: String, _ channel: any Channel) {
        if heard.hasSuffix("PING\r\n") { channel.writeAndFlush(ByteBuffer(string: "PONG\r\n"), promise: nil) }
    }
}
