import Foundation
import MicroCore
import MicroNATS
import MicroTestSupport
import NIOCore
import Testing

@Suite("NATS security", .timeLimit(.minutes(2)))
struct SecurityTests {
    private static func check(_ configuration: NATSClient.Configuration) async throws {
        try await withClient(configuration) { client in
            let subscription = try await client.subscribe(to: "s")
            try await client.publish(ByteBuffer(string: "hello"), to: "s")
            #expect(try await texts(subscription, 1) == ["hello"])
        }
    }

    private static func refused(_ configuration: NATSClient.Configuration, _ code: NATSError.Code)
        async throws
    {
        let error = await #expect(throws: NATSError.self) {
            try await NATSClient(configuration: configuration).run()
        }
        #expect(error?.code == code, "\(error?.message ?? "")")
        #expect(error?.message.contains("secret") == false)
    }

    /// Expects that a certificate is refused.
    ///
    /// With TLS 1.3 a server judges it when our side is done. What it says then may be lost with the connection,
    /// which is tried again; if we hear it, that is the end of `run()`.
    private static func expectToBeKeptOut(_ configuration: NATSClient.Configuration) async throws {
        let client = NATSClient(configuration: configuration)
        await withTaskGroup { group in
            group.addTask {
                let error = await #expect(throws: NATSError.self) {
                    try await client.waitUntilConnected(timeout: .seconds(1))
                }
                #expect(error?.code == .timeout || error?.code == .insecure)
                #expect(error?.message.contains("certificate") == true, "\(error?.message ?? "")")
                client.close()
            }
            do throws(NATSError) {
                try await client.run()
            } catch {
                #expect(error.code == .insecure)
            }
        }
    }

    @Test("Lets a user, a token and an address's credentials in, and nobody else")
    func passwords() async throws {
        let users = try await NATSServerProcess.start("authorization { user: u, password: \"secret\" }")
        var configuration = NATSClient.Configuration(servers: [users.address])
        try await Self.refused(configuration, .authenticationFailed)
        configuration.credentials = .user("u", password: "secret?")
        try await Self.refused(configuration, .authenticationFailed)
        configuration.credentials = .user("u", password: "secret")
        try await Self.check(configuration)
        configuration.servers = [try NATSServer("nats://u:secret@127.0.0.1:\(users.port)")]
        configuration.credentials = nil
        try await Self.check(configuration)
        await users.stop()

        let tokens = try await NATSServerProcess.start("authorization { token: \"secret\" }")
        configuration.servers = [tokens.address]
        try await Self.refused(configuration, .authenticationFailed)
        configuration.credentials = .token("secret")
        try await Self.check(configuration)
        await tokens.stop()
    }

    @Test("Signs the server's challenge with an nkey")
    func nkey() async throws {
        let server = try await NATSServerProcess.start(
            "authorization { users: [ { nkey: \(Operator.userKey) } ] }")
        var configuration = NATSClient.Configuration(servers: [server.address])
        configuration.credentials = .nkey(seed: Operator.userSeed)
        try await Self.check(configuration)
        let file = server.directory.appendingPathComponent("user.nk")
        try Data("# a comment\n\(Operator.userSeed)\n".utf8).write(to: file)
        configuration.credentials = .nkey(file: file.path)
        try await Self.check(configuration)
        configuration.credentials = .nkey(seed: Operator.otherSeed)
        try await Self.refused(configuration, .authenticationFailed)
        await server.stop()
    }

    @Test("Proves itself by a credentials file, in operator mode")
    func credentials() async throws {
        let server = try await NATSServerProcess.start(
            """
            operator: \(Operator.operatorJWT)
            resolver: MEMORY
            resolver_preload: { \(Operator.accountKey): \(Operator.accountJWT) }
            """)
        let file = server.directory.appendingPathComponent("user.creds")
        try Data(Operator.credentials.utf8).write(to: file)
        var configuration = NATSClient.Configuration(servers: [server.address])
        configuration.credentials = .credentials(file: file.path)
        try await Self.check(configuration)
        configuration.credentials = .nkey(seed: Operator.otherSeed)
        try await Self.refused(configuration, .authenticationFailed)
        await server.stop()
    }

    @Test(
        "Refuses seeds and files that are damaged, before anything is sent, and doesn't show them",
        arguments: [
            "", "secret", "SU", String(Operator.userSeed.dropLast()) + "A", Operator.userKey,
            Operator.userSeed.lowercased(), String(repeating: "S", count: 58),
        ])
    func damagedSeeds(_ seed: String) async throws {
        let server = try await FakeServer(
            greeting: "INFO {\"server_id\":\"x\",\"nonce\":\"abc\",\"auth_required\":true}\r\n"
        ) { _, _, _ in }
        var configuration = NATSClient.Configuration(servers: [
            NATSServer(host: "127.0.0.1", port: server.port)
        ])
        configuration.credentials = .nkey(seed: seed)
        try await Self.refused(configuration, .invalidCredentials)
        configuration.credentials = .credentials(file: "/nonexistent/file.creds")
        try await Self.refused(configuration, .invalidCredentials)
        await server.stop()
    }

    @Test("Secures the connection behind the server's greeting, and proves itself by a certificate")
    func tls() async throws {
        let certificates = try await TestCertificates()
        let (server, client) = (try await certificates.issue(.server), try await certificates.issue(.client))
        let other = try await certificates.issue(.client, by: .other)
        let nats = try await NATSServerProcess.start(
            """
            tls { cert_file: "\(server.certificatePath)", key_file: "\(server.keyPath)",
                ca_file: "\(certificates.rootPath)", verify: true }
            """)
        var configuration = NATSClient.Configuration(servers: [nats.address])
        configuration.tls = TLSConfiguration(
            certificateChain: .file(client.certificatePath), privateKey: .file(client.keyPath),
            trustRoots: .file(certificates.rootPath))
        try await Self.check(configuration)
        // The server's authority isn't ours.
        configuration.tls = TLSConfiguration(trustRoots: .file(certificates.otherRootPath))
        try await Self.refused(configuration, .insecure)
        // A client that doesn't ask for TLS is told by the server, and trusts nobody but the system.
        configuration.tls = nil
        try await Self.refused(configuration, .insecure)
        // Our certificate isn't the server's authority's.
        configuration.tls = TLSConfiguration(
            certificateChain: .file(other.certificatePath), privateKey: .file(other.keyPath),
            trustRoots: .file(certificates.rootPath))
        try await Self.expectToBeKeptOut(configuration)
        await nats.stop()
    }

    @Test("Never goes on in plaintext where TLS is asked for")
    func noDowngrade() async throws {
        let nats = try await NATSServerProcess.start()
        let certificates = try await TestCertificates()
        var configuration = NATSClient.Configuration(servers: [nats.address])
        configuration.tls = TLSConfiguration(trustRoots: .file(certificates.rootPath))
        try await Self.refused(configuration, .insecure)
        configuration.tls = nil
        configuration.servers = [try NATSServer("tls://127.0.0.1:\(nats.port)")]
        try await Self.refused(configuration, .insecure)
        await nats.stop()
    }

    @Test("Secures the connection before the server's first word")
    func tlsFirst() async throws {
        let certificates = try await TestCertificates()
        let issued = try await certificates.issue(.server)
        let nats = try await NATSServerProcess.start()
        let port = try FreePort.tcp()
        let script = try certificates.write(Self.proxy, as: "proxy.py")
        let proxy = try ForeignProgram(
            "python3", [script, "\(port)", "\(nats.port)", issued.certificatePath, issued.keyPath],
            package: "python3")
        try await proxy.waitForOutput("ready")
        var configuration = NATSClient.Configuration(servers: [NATSServer(host: "localhost", port: port)])
        configuration.tls = TLSConfiguration(trustRoots: .file(certificates.rootPath))
        configuration.performsTLSFirst = true
        try await Self.check(configuration)
        await proxy.stop()
        await nats.stop()
    }

    /// Ends TLS in front of a server that can't begin with it itself.
    private static let proxy = """
        import socket, ssl, sys, threading
        port, target, cert, key = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        listener = socket.create_server(("127.0.0.1", port))
        print("ready", flush=True)
        def pump(source, sink):
            try:
                while data := source.recv(65536):
                    sink.sendall(data)
            except OSError:
                pass
            try:
                sink.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        while True:
            raw, _ = listener.accept()
            try:
                client = context.wrap_socket(raw, server_side=True)
            except (ssl.SSLError, OSError):
                continue
            server = socket.create_connection(("127.0.0.1", target))
            threading.Thread(target=pump, args=(client, server), daemon=True).start()
            threading.Thread(target=pump, args=(server, client), daemon=True).start()
        """
}
