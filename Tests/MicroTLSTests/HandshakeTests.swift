import MicroCore
import MicroTLS
import MicroTestSupport
import Testing

@Suite("Handshakes between our own sides", .timeLimit(.minutes(2)))
struct HandshakeTests {
    @Test("Both sides agree on TLS 1.3 and h2, and know each other's names")
    func mutual() async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server(clients: .required))
        let client = try await connect(to: server.port, try await security.client(.client))
        let seenByClient = try await client.record.waitForHandshake()
        let seenByServer = try await server.end().record.waitForHandshake()
        #expect(seenByClient.alpn == "h2")
        #expect(seenByClient.version == .tls13)
        #expect(seenByClient.peerIdentities == ["localhost"])
        #expect(seenByServer.alpn == "h2")
        #expect(
            seenByServer.peerIdentities == ["client.example", "spiffe://example.org/ns/test/client"])
        try await client.close()
        try await server.end().record.waitForClose()
        #expect(try await server.end().record.now.errors.isEmpty)
        try await server.stop()
    }

    struct NameCase: Sendable, CustomTestStringConvertible {
        var subject: TestCertificates.Subject
        var peer: PeerName?
        var expected: String?
        var isRight: Bool
        var testDescription: String {
            "\(subject.commonName) as \(String(describing: peer)), \(expected ?? "-")"
        }
    }

    @Test(
        "A server must have the expected name",
        arguments: [
            NameCase(subject: .server, peer: .host("localhost"), isRight: true),
            NameCase(subject: .server, peer: .host("LOCALHOST."), isRight: true),
            NameCase(subject: .server, peer: .host("127.0.0.1"), isRight: true),
            NameCase(subject: .server, peer: .host("::1"), isRight: true),
            NameCase(subject: .server, peer: .host("127.0.0.2"), isRight: false),
            NameCase(subject: .server, peer: .host("localhost.example"), isRight: false),
            NameCase(subject: .server, peer: .service("greeter"), isRight: false),
            NameCase(subject: .otherHost, peer: .host("localhost"), isRight: false),
            NameCase(subject: .otherHost, peer: .host(".example"), isRight: false),
            NameCase(
                subject: .otherHost, peer: .host("localhost"), expected: "elsewhere.example", isRight: true),
            NameCase(subject: .service("greeter"), peer: .service("greeter"), isRight: true),
            NameCase(subject: .service("greeter"), peer: .service("greeter2"), isRight: false),
            NameCase(
                subject: .service("*.svc.example"), peer: .service("greeter.svc.example"), isRight: true),
            NameCase(
                subject: .service("*.svc.example"), peer: .service("a.greeter.svc.example"), isRight: false),
            NameCase(
                subject: .service("gr*.svc.example"), peer: .service("greeter.svc.example"), isRight: false),
            NameCase(subject: .spiffeService("greeter"), peer: .service("greeter"), isRight: true),
            NameCase(subject: .spiffeService("greeter"), peer: .service("other"), isRight: false),
            NameCase(subject: .spiffeService("greeter"), peer: .host("greeter"), isRight: false),
            NameCase(
                subject: .spiffeService("greeter"), peer: .service("x"),
                expected: "spiffe://example.org/ns/test/greeter", isRight: true),
            NameCase(
                subject: .spiffeService("greeter"), peer: .service("greeter"),
                expected: "spiffe://example.org/ns/other/greeter", isRight: false),
            NameCase(subject: .service("greeter"), peer: nil, expected: "greeter", isRight: true),
            // The common name is no name of a server any more.
            NameCase(
                subject: .init("localhost", alternativeNames: ["DNS:other"]), peer: .host("localhost"),
                isRight: false),
            NameCase(subject: .init("localhost"), peer: .host("localhost"), isRight: false),
        ])
    func names(_ item: NameCase) async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server(item.subject))
        let context = try await security.client { $0.expectedName = item.expected }
        let client = try await connect(to: server.port, context, as: item.peer)
        if item.isRight {
            _ = try await client.record.waitForHandshake()
            try await client.close()
        } else {
            try await client.record.waitForClose()
            #expect(client.record.now.handshake == nil)
            let error = try #require(client.record.tlsError)
            #expect(error.code == .peerNotTrusted)
            #expect(error.message.contains("another name"))
            for name in item.subject.alternativeNames where name != "IP:::1" {
                #expect(error.message.contains(name))
            }
            // The server learns it from an alert.
            try await server.end().record.waitForClose()
            #expect(try await server.end().record.waitForTLSError().code == .refusedByPeer)
        }
        try await server.stop()
    }

    @Test("A server of another authority is refused, unless the verification is switched off")
    func otherAuthority() async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server(by: .other))
        let client = try await connect(to: server.port, try await security.client())
        try await client.record.waitForClose()
        let error = try #require(client.record.tlsError)
        #expect(error.code == .peerNotTrusted)
        #expect(error.message.contains("unable to get local issuer certificate"))
        #expect(error.message.contains("other test authority"))
        try await server.end().record.waitForClose()
        #expect(try await server.end().record.tlsError?.message.contains("unknown ca") == true)

        let careless = try await security.client { $0.insecurelySkipsVerification = true }
        let accepted = try await connect(to: server.port, careless, as: nil)
        #expect(try await accepted.record.waitForHandshake().peerIdentities.isEmpty)
        try await accepted.close()
        try await server.stop()
    }

    @Test("A client needs to know who the server must be")
    func unknownName() async throws {
        let context = try await Security().client()
        #expect { try TLSHandler(context) } throws: { "\($0)".contains("expected name") }
    }

    @Test("A client without a certificate is refused where one is required")
    func missingClientCertificate() async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server(clients: .required))
        let client = try await connect(to: server.port, try await security.client())
        try await client.record.waitForClose()
        #expect(client.record.tlsError?.code == .refusedByPeer)
        #expect(client.record.tlsError?.message.contains("We have no certificate") == true)
        let error = try await server.end().record.waitForTLSError()
        #expect(error.code == .peerNotTrusted)
        #expect(error.message.contains("has no certificate"))
        try await server.stop()
    }

    @Test("A client of another authority is refused, also where a certificate is optional")
    func otherClientAuthority() async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server(clients: .optional))
        let client = try await connect(to: server.port, try await security.client(.client, by: .other))
        try await client.record.waitForClose()
        #expect(client.record.tlsError?.code == .refusedByPeer)
        #expect(try await server.end().record.waitForTLSError().code == .peerNotTrusted)

        let anonymous = try await connect(to: server.port, try await security.client())
        _ = try await anonymous.record.waitForHandshake()
        #expect(try await server.end(1).record.waitForHandshake().peerIdentities.isEmpty)
        try await anonymous.close()
        try await server.stop()
    }

    @Test("A client that offers another protocol, or none, is refused")
    func alpn() async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server(alpn: ["h2"]))
        let other = try await connect(to: server.port, try await security.client(alpn: ["http/1.1"]))
        try await other.record.waitForClose()
        #expect(other.record.tlsError?.code == .noCommonProtocol)
        #expect(try await server.end().record.waitForTLSError().code == .noCommonProtocol)

        let silent = try await connect(to: server.port, try await security.client(alpn: []))
        try await silent.record.waitForClose()
        #expect(try await server.end(1).record.tlsError?.message.contains("ALPN") == true)
        try await server.stop()
    }

    @Test("A client refuses a server that negotiates no protocol")
    func serverWithoutALPN() async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server(alpn: []))
        let client = try await connect(to: server.port, try await security.client())
        try await client.record.waitForClose()
        #expect(client.record.now.handshake == nil)
        #expect(client.record.tlsError?.code == .noCommonProtocol)
        try await server.stop()
    }

    @Test("The server's preference decides among several protocols")
    func preference() async throws {
        let security = try await Security()
        let server = try await LoopbackServer.start(try await security.server(alpn: ["b", "h2"]))
        let client = try await connect(to: server.port, try await security.client(alpn: ["h2", "a", "b"]))
        #expect(try await client.record.waitForHandshake().alpn == "b")
        try await client.close()
        try await server.stop()
    }
}
