import Foundation
import MicroCore
import MicroTLS
import MicroTestSupport
import NIOCore
import Testing

@Suite("What stays behind", .timeLimit(.minutes(2)))
struct LeakTests {
    @Test("No descriptor stays open after good and bad handshakes")
    func descriptors() async {
        // A process of its own, since other tests open files at the same time.
        await #expect(processExitsWith: .success) {
            let security = try await Security()
            let contexts = [
                try await security.client(.client), try await security.client(),
                try await security.client(.client, by: .other), try await security.client(alpn: ["x"]), nil,
            ]
            let server = try await LoopbackServer.start(
                try await security.server(clients: .required), .echo)
            var before = 0
            for round in 0..<10 {
                for (index, context) in contexts.enumerated() {
                    let client = try await connect(to: server.port, context)
                    client.channel.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"), promise: nil)
                    if index == 0 { try await client.record.wait("the echo") { !$0.received.isEmpty } }
                    try await client.close()
                    let end = try await server.end(round * contexts.count + index)
                    try await end.record.waitForClose()
                }
                let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
                if round == 0 { before = open }
                try #require(open <= before, "\(open) descriptors instead of \(before)")
            }
            try await server.stop()
        }
    }
}
