import Foundation
import MicroNATS
import Testing

@Suite("NATS credentials in files", .timeLimit(.minutes(1)))
struct CredentialFileTests {
    @Test(
        "Says what is wrong with a file, and waits for none",
        arguments: [("pipe", "no regular file"), ("large", "larger than"), ("missing", "No such file")])
    func unusable(_ name: String, _ expected: String) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "nats-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: name).path
        if name == "pipe" { #expect(mkfifo(path, 0o600) == 0) }
        if name == "large" { try Data(count: 1 << 17).write(to: URL(filePath: path)) }
        let server = try await FakeServer(
            greeting: "INFO {\"server_id\":\"x\",\"nonce\":\"abc\",\"auth_required\":true}\r\n"
        ) { _, _, _ in }
        for credentials in [NATSCredentials.credentials(file: path), .nkey(file: path)] {
            let address = NATSServer(host: "127.0.0.1", port: server.port)
            let client = NATSClient(configuration: .init(servers: [address], credentials: credentials))
            let error = await #expect(throws: NATSError.self) { try await client.run() }
            #expect(error?.code == .invalidCredentials)
            #expect(error?.message.contains(path) == true)
            #expect(error?.message.contains(expected) == true, "\(error?.message ?? "")")
        }
        await server.stop()
    }
}
