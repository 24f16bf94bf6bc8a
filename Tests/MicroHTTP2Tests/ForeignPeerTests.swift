import Foundation
import MicroHTTP2
import MicroTestSupport
import NIOCore
import NIOPosix
import Testing

/// The same server and client with programs of others.
@Suite(.timeLimit(.minutes(2))) struct ForeignPeerTests {
    @Test func nghttpIsServed() async throws {
        let server = try await PlainServer.open()
        let url = "http://127.0.0.1:\(server.port)"
        let hello = try ForeignProgram("nghttp", ["-v", "\(url)/hello"], package: "nghttp2-client")
        #expect(try await hello.exitStatus() == 0)
        #expect(hello.output.contains(":status: 200"))
        #expect(hello.output.contains("hello\n"))
        let file = FileManager.default.temporaryDirectory.appending(path: "micro-\(UUID().uuidString)")
        try Data(repeating: 9, count: 300_000).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let echo = try ForeignProgram(
            "nghttp", ["-v", "-n", "-d", file.path, "\(url)/echo"], package: "nghttp2-client")
        #expect(try await echo.exitStatus() == 0)
        #expect(echo.output.contains("x-count: 300000"))
        try await server.close()
    }

    @Test func h2loadIsServed() async throws {
        let server = try await PlainServer.open()
        let load = try ForeignProgram(
            "h2load", ["-n", "2000", "-c", "5", "-m", "20", "http://127.0.0.1:\(server.port)/bytes/20000"],
            package: "nghttp2-client")
        #expect(try await load.exitStatus() == 0)
        #expect(load.output.contains("status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx"))
        #expect(load.output.contains("2000 succeeded, 0 failed, 0 errored, 0 timeout"))
        #expect(load.output.contains("(40000000) data"))
        try await server.close()
    }

    @Test func nghttpdServesUs() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "micro-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(repeating: 5, count: 2_000_000).write(to: folder.appending(path: "file"))
        let port = try FreePort.tcp()
        let server = try ForeignProgram(
            "nghttpd",
            ["-v", "--no-tls", "-d", folder.path, "--trailer", "x-end: yes", "-a", "127.0.0.1", "\(port)"],
            package: "nghttp2-server")
        let client = try await eventually("nghttpd to listen") {
            try? await PlainClient.connect(toPort: port)
        }
        let file = try await client.send("GET", "/file")
        #expect(file.status == "200")
        #expect(file.body.count == 2_000_000)
        #expect(file.trailers["x-end"] == "yes")
        #expect(try await client.send("GET", "/none").status == "404")
        client.leave()
        try await eventually("the connection to close") { client.closeReason != nil }
        await server.stop()
    }

    /// A client that doesn't speak HTTP/2 reads an answer that it understands, and nothing else.
    @Test func clientsOfHTTP1AreTold() async throws {
        let server = try await PlainServer.open()
        let curl = try ForeignProgram(
            "curl",
            [
                "--http1.1", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                "http://127.0.0.1:\(server.port)/hello",
            ], package: "curl")
        #expect(try await curl.exitStatus() == 0)
        #expect(curl.output == "505")
        try await server.close()
    }
}
