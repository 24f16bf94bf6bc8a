import HTTP2TestPeer
import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// Addresses that can't be listened on or dialled: the error names them, and says what to do.
@Suite(.timeLimit(.minutes(2))) struct AddressTests {
    private let transport = HTTP2Transport()

    private func listenError(_ address: ListenAddress) async throws -> StartError? {
        do {
            let listener = try await transport.listen(on: address, handler: TestServer())
            await listener.shutdown(deadline: .now)
            return nil
        } catch let error as StartError {
            return error
        }
    }

    @Test func portThatIsTaken() async throws {
        try await withTestServer { listening in
            let error = try await listenError(listening.address)
            #expect("\(try #require(error))".contains("\(listening.address)"))
            #expect("\(try #require(error))".contains("another program"))
        }
    }

    @Test func addressesThatAreNotOurs() async throws {
        for address in [
            ListenAddress.host("192.0.2.1", port: 0), .host("no-such-host.invalid", port: 0),
            .unixSocket("/no/such/folder/x.sock"), .unixSocket(String(repeating: "x", count: 200)),
        ] {
            let error = try #require(try await listenError(address), "\(address)")
            #expect("\(error)".contains("\(address)"))
        }
    }

    @Test func addressesThatNobodyAnswers() async throws {
        let port = try FreePort.tcp()
        for address in [
            "127.0.0.1:\(port)", "no-such-host.invalid:80", "no port", "127.0.0.1", ":80", "127.0.0.1:99999",
            "", "unix:/no/such.sock", "unix:",
        ] {
            let error = try await failure {
                _ = try await transport.connect(
                    to: Node(id: "x-1", address: address), as: .host("localhost"))
            }
            #expect(error?.status == .unavailable, "\(address)")
            #expect(error?.processed == .no)
            #expect(error?.detail.contains(address) == true, "\(error?.detail ?? "")")
        }
    }

    @Test func whyNobodyAnswersIsSaidInPlainWords() async throws {
        let port = try FreePort.tcp()
        for (address, reason) in [
            ("127.0.0.1:\(port)", "connection refused"), ("localhost:\(port)", "connection refused"),
            // The C library refuses it without asking a server, which need not be there.
            ("-no-such-host.invalid:80", "the name -no-such-host.invalid can't be resolved"),
            ("unix:/no/such.sock", "there is no such socket"),
        ] {
            let error = try await failure {
                _ = try await transport.connect(
                    to: Node(id: "x-1", address: address), as: .host("localhost"))
            }
            #expect(error?.detail == "Can't connect to \(address): \(reason)")
        }
    }

    @Test func aPlaintextClientOfATLSServerIsToldSo() async throws {
        let identities = try await PeerIdentities()
        let secured = PeerSecurity.tls(identities).serverTransport
        let listener = try await secured.listen(on: .host("127.0.0.1", port: 0), handler: TestServer())
        let error = try await failure {
            let connection = try await transport.connect(
                to: Node(id: "x-1", address: "\(listener.address)"), as: .host("localhost"))
            _ = try await connection.unary(CallHead(path: "/test.Test/Echo"), EncodedMessage())
        }
        #expect(error?.status == .unavailable)
        #expect(error?.detail.contains("Does it expect TLS?") == true, "\(error?.detail ?? "")")
        await listener.shutdown(deadline: .now)
    }

    /// A server that closes without having read all of what we said resets the connection.
    @Test func aServerThatResetsAtOnceIsNoMystery() async throws {
        let server = try await RawListener.open()
        async let refused = server.accept()
        let connection = try await transport.connect(
            to: Node(id: "x-1", address: "\(server.address)"), as: .host("localhost"))
        async let error = failure {
            _ = try await connection.unary(CallHead(path: "/test.Test/Echo"), EncodedMessage())
        }
        try await refused.reset()
        #expect(try await error?.status == .unavailable)
        let detail = try await error?.detail ?? ""
        #expect(detail.contains("Does it expect TLS?"), "\(detail)")
        await server.close()
    }

    @Test func connectingIsBounded() async throws {
        let server = try await RawListener.open()
        let identities = try await PeerIdentities()
        var configuration = HTTP2Transport.Configuration(tls: PeerSecurity.tls(identities).client)
        configuration.connectTimeout = .milliseconds(200)
        let transport = HTTP2Transport(configuration: configuration)
        // The server accepts and stays silent: the handshake must not wait for ever.
        let error = try await failure {
            _ = try await transport.connect(
                to: Node(id: "x-1", address: "\(server.address)"), as: .host("localhost"))
        }
        #expect(error?.status == .unavailable)
        #expect(error?.processed == .no)
        await server.close()
    }

    /// A server that is something else entirely, or closes at once.
    @Test func serversThatSpeakSomethingElse() async throws {
        for bytes in [Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), Array("220 ready\r\n".utf8), nil] {
            let server = try await RawListener.open()
            async let outcome = failure {
                let connection = try await transport.connect(
                    to: Node(id: "x-1", address: "\(server.address)"), as: .host("localhost"))
                _ = try await connection.unary(CallHead(path: "/a/b"), EncodedMessage())
            }
            let peer = try await server.accept()
            if let bytes { try await peer.send(bytes) }
            await peer.close()
            let error = try await outcome
            #expect(error?.status == .unavailable)
            #expect(error?.detail.isEmpty == false)
            await server.close()
        }
    }
}
