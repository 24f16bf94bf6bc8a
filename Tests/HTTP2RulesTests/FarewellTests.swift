import HTTP2TestPeer
import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// A socket that is closed with unread bytes is reset, and what was sent last may be lost with it: a peer gets to read
/// why its connection ends, whoever found the reason.
@Suite(.timeLimit(.minutes(2))) struct FarewellTests {
    struct Offence: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var code: UInt32
        var bytes: [UInt8]
    }

    /// What breaks a rule, and much more behind it than is read at once.
    private static func broken(_ name: String, _ code: UInt32, _ first: Frame...) -> Offence {
        let rest = Frame.data([UInt8](repeating: 0, count: 16 << 10), stream: 1).bytes
        return Offence(
            testDescription: name, code: code,
            bytes: first.flatMap(\.bytes) + (0..<64).flatMap { _ in rest })
    }

    static let offences = [
        Offence(
            testDescription: "a flood", code: ErrorCode.enhanceYourCalm,
            bytes: (0..<20_000).flatMap { _ in Frame.ping.bytes }),
        broken("DATA on an idle stream", ErrorCode.protocolError, .data([1], stream: 1)),
        broken("a damaged header block", ErrorCode.compression, .rawHeaders([0x80], stream: 1)),
        broken("SETTINGS that nobody may send", ErrorCode.protocolError, .settings((2, 7))),
    ]

    @Test(arguments: offences)
    func isRead(_ offence: Offence) async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.open(to: listening.address)
            try await expectFarewell(offence, connection)
        }
    }

    /// The same where TLS stands in between, which has to leave the peer the time.
    @Test(arguments: offences)
    func isReadThroughTLS(_ offence: Offence) async throws {
        let authority = try await TestCertificates()
        let identity = try await authority.issue(.server)
        var configuration = HTTP2Transport.Configuration()
        configuration.tls = TLSConfiguration(
            certificateChain: .file(identity.certificatePath), privateKey: .file(identity.keyPath))
        let listener = try await HTTP2Transport(configuration: configuration).listen(
            on: .host("127.0.0.1", port: 0), handler: TestServer())
        let trust = TLSConfiguration(trustRoots: .file(authority.rootPath))
        let connection = try await RawConnection.open(to: listener.address, tls: trust)
        try await expectFarewell(offence, connection)
        await listener.shutdown(deadline: .now)
    }

    /// A greeting that doesn't come, and then a peer that only sends.
    @Test func lateGreetingsAreTold() async throws {
        var configuration = HTTP2Transport.Configuration()
        configuration.handshakeTimeout = .milliseconds(100)
        try await withTestServer(configuration) { listening in
            let connection = try await RawConnection.connect(to: listening.address)
            try await connection.send(Frame.opening)
            try await expectFarewell(
                Offence(testDescription: "", code: ErrorCode.settingsTimeout, bytes: []), connection)
        }
    }

    /// The last word of a server that stops.
    @Test func serversThatStopSayIt() async throws {
        let listener = try await HTTP2Transport().listen(
            on: .host("127.0.0.1", port: 0), handler: TestServer())
        let connection = try await RawConnection.open(to: listener.address)
        try await connection.send(.request(1))
        try await connection.send(Self.idle)
        await listener.shutdown(deadline: .now)
        let goAway = try await connection.frame { $0.kind == .goAway && $0.number(at: 0) == 1 }
        #expect(goAway?.number(at: 4) == ErrorCode.none)
        #expect(try await connection.ends())
        #expect(!connection.hasFailed)
        await connection.close()
    }

    /// Frames of a type that nobody knows: 4 MiB that break no rule.
    private static let idle = (0..<256).flatMap { _ in
        Frame(type: 0xFA, flags: 0, stream: 0, payload: [UInt8](repeating: 0, count: 16 << 10)).bytes
    }

    /// Whoever has read why, and goes on sending, is cut off.
    @Test(arguments: [1, 1 << 20])
    func waitingForThePeerIsBounded(_ size: Int) async throws {
        try await withTestServer { listening in
            let connection = try await RawConnection.open(to: listening.address)
            try await connection.send(.data([1], stream: 1))
            #expect(try await connection.frame { $0.kind == .goAway } != nil)
            let bytes = [UInt8](repeating: 0, count: size)
            // A byte now and then meets the bound in time, and many at once that in size.
            let isCutOff = await sends(bytes, count: size == 1 ? 1200 : 64, connection)
            #expect(isCutOff)
            await connection.close()
        }
    }

    /// Whether the connection is closed before all was sent.
    private func sends(_ bytes: [UInt8], count: Int, _ connection: RawConnection) async -> Bool {
        do {
            for _ in 0..<count {
                try await connection.send(bytes)
                if bytes.count == 1 { try await Task.sleep(for: .milliseconds(50)) }
            }
            return false
        } catch {
            return true
        }
    }

    private func expectFarewell(_ offence: Offence, _ connection: RawConnection) async throws {
        // The server may close before all of it is sent, but not so that the connection fails.
        if !offence.bytes.isEmpty { try? await connection.send(offence.bytes) }
        let goAway = try await connection.frame { $0.kind == .goAway }
        #expect(goAway?.number(at: 4) == offence.code)
        #expect(try await connection.ends())
        #expect(!connection.hasFailed)
        await connection.close()
    }
}
