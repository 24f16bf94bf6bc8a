import Foundation
import HTTP2TestPeer
import MicroCore
import MicroInterfaces
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// What a server learns of who calls it.
@Suite(.timeLimit(.minutes(2))) struct PeerTests {
    /// Answers with what the server makes of its caller.
    private static let handler = ClosureHandler { head in
        let answer = "\(head.peer?.isLocal == true) \(head.peer?.identities.joined(separator: ",") ?? "")"
        return .unary(
            { (_, _) async throws(MicroError) in UnaryReply(EncodedMessage(answer.utf8)) }, ExecutionPolicy())
    }

    private func answer(
        at address: ListenAddress, tls: PeerSecurity = .plaintext,
        dial: (ListenAddress) -> String = { "\($0)" }
    ) async throws -> String {
        let listener = try await tls.serverTransport.listen(on: address, handler: Self.handler)
        let reply: Result<UnaryReply, any Error>
        do {
            let connection = try await tls.clientTransport.connect(
                to: Node(id: "n", address: dial(listener.address)), as: .host("localhost"))
            reply = .success(try await connection.unary(CallHead(path: "/a.B/C"), EncodedMessage([])))
            await connection.close(deadline: .now)
        } catch {
            reply = .failure(error)
        }
        await listener.shutdown(deadline: .now)
        return String(decoding: try reply.get().message.bytes, as: UTF8.self)
    }

    @Test func loopbackIsThisMachine() async throws {
        #expect(try await answer(at: .host("127.0.0.1", port: 0)) == "true ")
        // A socket of all addresses sees callers over IPv4 as mapped addresses of IPv6.
        let all = try await answer(at: .host("", port: 0)) { "127.0.0.1:\($0.hostPort?.port ?? 0)" }
        #expect(all == "true ")
    }

    @Test func aUnixSocketIsThisMachine() async throws {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("micro-\(UUID().uuidString.prefix(8)).sock").path
        #expect(try await answer(at: .unixSocket(path)) == "true ")
    }

    @Test func theMachinesOwnAddressesAreThisMachine() async throws {
        for own in InterfaceAddress.listed where !own.isLinkLocal && !own.isLoopback {
            let said = try await answer(at: .host("", port: 0)) {
                HostPort.join(own.text, $0.hostPort?.port ?? 0)
            }
            #expect(said == "true ", "\(own.text)")
        }
    }

    @Test func whatItHasProvedComesOnTop() async throws {
        let identities = try await PeerIdentities()
        let said = try await answer(at: .host("127.0.0.1", port: 0), tls: .mutual(identities))
        #expect(said.hasPrefix("true ") && said.count > "true ".count, "\(said)")
    }

    @Test func aNameIsNoAddressForGRPC() async throws {
        let error = await #expect(throws: StartError.self) {
            try await HTTP2Transport().listen(on: .named("orders", scheme: "nats"), handler: Self.handler)
        }
        #expect(error?.code == .address && error?.message.contains("nats:orders") == true)
    }
}
