import Foundation
import MicroCore
import MicroTLS
import MicroTestSupport
import Testing

@Suite("Handshakes with the openssl command", .timeLimit(.minutes(2)))
struct OpenSSLCommandTests {
    private func client(_ port: Int, _ security: Security, _ arguments: [String] = []) throws
        -> ForeignProgram
    {
        try ForeignProgram(
            "openssl",
            [
                "s_client", "-connect", "127.0.0.1:\(port)", "-CAfile", security.certificates.rootPath,
                "-alpn", "h2",
            ]
                + arguments,
            package: "openssl")
    }

    @Test(
        "A client of either version gets through",
        arguments: [("-tls1_2", TLSConfiguration.Version.tls12), ("-tls1_3", .tls13)])
    func versions(_ option: String, _ version: TLSConfiguration.Version) async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server(), .echo)
        let client = try client(
            server.port, security, [option, "-verify_hostname", "localhost", "-verify_return_error"])
        #expect(try await server.end().record.waitForHandshake().version == version)
        try await client.waitForOutput("Verify return code: 0 (ok)")
        try await client.waitForOutput("ALPN protocol: h2")
        #expect(client.output.contains("Compression: NONE"))
        try client.write("hello over tls\n")
        try await server.end().record.wait("the text") { $0.received == Array("hello over tls\n".utf8) }
        // The end of its input makes it close properly.
        client.closeInput()
        try await server.end().record.waitForClose()
        #expect(try await server.end().record.now.errors.isEmpty)
        try await server.stop()
    }

    @Test("TLS 1.0 and 1.1 are refused", arguments: ["-tls1", "-tls1_1"])
    func oldVersions(_ option: String) async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server())
        let client = try client(server.port, security, [option, "-cipher", "ALL:@SECLEVEL=0"])
        #expect(try await client.exitStatus() != 0)
        let error = try await server.end().record.waitForTLSError()
        #expect(error.code == .noCommonProtocol)
        #expect(client.errorOutput.contains("alert protocol version"))
        try await server.stop()
    }

    @Test("TLS 1.2 is refused where 1.3 is the minimum")
    func minimum() async throws {
        let security = try await Security()
        let issued = try await security.certificates.issue(.server)
        let context = try TLSContext(
            TLSConfiguration(
                certificateChain: .file(issued.certificatePath), privateKey: .file(issued.keyPath),
                minimumVersion: .tls13), role: .server, alpn: ["h2"])
        let server = try await LoopbackServer.start(context)
        #expect(try await client(server.port, security, ["-tls1_2"]).exitStatus() != 0)
        #expect(try await server.end().record.waitForTLSError().code == .noCommonProtocol)
        try await server.stop()
    }

    @Test(
        "Ciphers without forward secrecy or with CBC are refused",
        arguments: ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA"])
    func ciphers(_ cipher: String) async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server())
        let client = try client(server.port, security, ["-tls1_2", "-cipher", cipher])
        #expect(try await client.exitStatus() != 0)
        #expect(try await server.end().record.waitForTLSError().code == .noCommonProtocol)
        try await server.stop()
    }

    @Test("A renegotiation is refused")
    func renegotiation() async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server())
        let client = try client(server.port, security, ["-tls1_2"])
        _ = try await server.end().record.waitForHandshake()
        try client.write("R\n")
        try await client.waitForOutput("no renegotiation")
        try await server.end().record.waitForClose()
        try await server.stop()
    }

    @Test("A client that is killed leaves a truncated connection")
    func truncation() async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server())
        let client = try client(server.port, security)
        _ = try await server.end().record.waitForHandshake()
        client.send(signal: 9)
        try await server.end().record.waitForClose()
        #expect(try await server.end().record.waitForTLSError().code == .truncated)
        try await server.stop()
    }

    @Test("Ten MiB through the command come back as they were")
    func large() async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server(), .echo)
        let size = 10 << 20
        let file = security.certificates.directory.appendingPathComponent("large")
        try Data(pattern(size)).write(to: file)
        let command = """
            openssl s_client -quiet -connect 127.0.0.1:\(server.port) -alpn h2 -CAfile \
            \(security.certificates.rootPath) < \(file.path) | head -c \(size) | sha256sum
            """
        let echoed = try ForeignProgram("sh", ["-c", command])
        let direct = try ForeignProgram("sha256sum", [file.path])
        try await direct.exitStatus()
        try await echoed.waitForOutput("-\n", limit: .seconds(60))
        #expect(echoed.output.prefix(64) == direct.output.prefix(64))
        try await server.stop()
        try await echoed.exitStatus()
    }

    @Test(
        "Our client gets a file from the command's server, and the certificate that it asks for is shown",
        arguments: ["-tls1_2", "-tls1_3"])
    func commandAsServer(_ option: String) async throws {
        let security = try await Security()
        let issued = try await security.certificates.issue(.server)
        let size = 3 << 20
        try Data(pattern(size)).write(to: security.certificates.directory.appendingPathComponent("file"))
        let port = try FreePort.tcp()
        let command = """
            cd \(security.certificates.directory.path) && exec openssl s_server -accept 127.0.0.1:\(port) -HTTP \
            -cert \(issued.certificatePath) -key \(issued.keyPath) -CAfile \(security.certificates.rootPath) \
            -Verify 1 -verify_return_error -alpn h2 \(option)
            """
        let server = try ForeignProgram("sh", ["-c", command])
        try await server.waitForOutput("ACCEPT")
        let client = try await connect(to: port, try await security.client(.client))
        let handshake = try await client.record.waitForHandshake()
        #expect(handshake.alpn == "h2")
        #expect(handshake.version == (option == "-tls1_3" ? .tls13 : .tls12))
        try await client.send(Array("GET /file HTTP/1.0\r\n\r\n".utf8))
        try await client.record.waitForClose()
        #expect(Array(client.record.now.received.suffix(size)) == pattern(size))
        #expect(server.errorOutput.contains("CN = client"))
        await server.stop()
    }

    @Test("Our client refuses the command's server with an expired certificate")
    func expiredServer() async throws {
        let security = try await Security()
        let issued = try await security.certificates.issue(.expiredServer)
        let port = try FreePort.tcp()
        let server = try ForeignProgram(
            "openssl",
            [
                "s_server", "-accept", "127.0.0.1:\(port)", "-cert", issued.certificatePath, "-key",
                issued.keyPath,
            ])
        try await server.waitForOutput("ACCEPT")
        let client = try await connect(to: port, try await security.client())
        try await client.record.waitForClose()
        let error = try #require(client.record.tlsError)
        #expect(error.code == .peerNotTrusted)
        #expect(error.message.contains("certificate has expired") && error.message.contains("Renew"))
        await server.stop()
    }

    @Test(
        "The name goes to the server as SNI unless it is an address",
        arguments: [
            (PeerName.service("go.micro.srv.greeter"), "go.micro.srv.greeter"),
            (.host("localhost"), "localhost"), (.host("127.0.0.1"), nil), (.service("no name"), nil),
        ] as [(PeerName, String?)])
    func serverNameIndication(_ peer: PeerName, _ expected: String?) async throws {
        let security = try await Security()
        let issued = try await security.certificates.issue(.server)
        let port = try FreePort.tcp()
        let (certificate, key) = (issued.certificatePath, issued.keyPath)
        let server = try ForeignProgram(
            "openssl",
            [
                "s_server", "-accept", "127.0.0.1:\(port)", "-cert", certificate, "-key", key,
                "-servername", "unused", "-cert2", certificate, "-key2", key,
            ])
        try await server.waitForOutput("ACCEPT")
        let context = try await security.client(alpn: []) { $0.insecurelySkipsVerification = true }
        let client = try await connect(to: port, context, as: peer)
        _ = try await client.record.waitForHandshake()
        try await server.waitForOutput("CIPHER is")
        #expect(server.output.contains("Hostname in TLS extension: \"") == (expected != nil))
        if let expected { #expect(server.output.contains("Hostname in TLS extension: \"\(expected)\"")) }
        try await client.close()
        await server.stop()
    }
}
