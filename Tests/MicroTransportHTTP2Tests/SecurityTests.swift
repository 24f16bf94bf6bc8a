import Foundation
import HTTP2TestPeer
import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// What both sides must prove, and how a failure reads.
@Suite(.serialized, .timeLimit(.minutes(2))) struct SecurityTests {
    /// Returns why a client can't call a server: from connecting, or from its first call.
    private func refusal(
        _ client: TLSConfiguration?, by server: TLSConfiguration?, as name: PeerName = .host("localhost")
    ) async throws -> MicroError? {
        var error: MicroError?
        let listener = try await HTTP2Transport(configuration: .init(tls: server)).listen(
            on: .host("127.0.0.1", port: 0), handler: PeerHandler())
        let node = Node(id: "peer-1", address: "\(listener.address)")
        let transport = HTTP2Transport(configuration: .init(tls: client))
        error = try await failure {
            let connection = try await transport.connect(to: node, as: name)
            _ = try await connection.unary(.peer("Unary"), EncodedMessage(payload: Data()))
        }
        await listener.shutdown(deadline: .now)
        #expect(error == nil || error?.status == .unavailable)
        return error
    }

    @Test func acceptsWhoProvesItself() async throws {
        let identities = try await PeerIdentities()
        for security in [PeerSecurity.tls(identities), .mutual(identities)] {
            #expect(try await refusal(security.client, by: security.server) == nil)
        }
    }

    @Test func serverMustProveItself() async throws {
        let identities = try await PeerIdentities()
        let good = TLSConfiguration(trustRoots: .file(identities.authorities.rootPath))

        let wrongAuthority = TLSConfiguration(trustRoots: .file(identities.authorities.otherRootPath))
        let untrusted = try await refusal(wrongAuthority, by: identities.configuration(of: identities.server))
        #expect(untrusted?.processed == .no)
        #expect(untrusted?.detail.contains("certificate") == true)

        let other = try await identities.authorities.issue(.otherHost)
        let misnamed = try await refusal(good, by: identities.configuration(of: other))
        #expect(misnamed?.processed == .no)
        #expect(misnamed?.detail.contains("localhost") == true)

    }

    /// A server that starts with a certificate that is over would be of no use, and says so.
    @Test func expiredCertificatesAreRefusedAtTheStart() async throws {
        let identities = try await PeerIdentities()
        let old = try await identities.authorities.issue(.expiredServer)
        let transport = HTTP2Transport(configuration: .init(tls: identities.configuration(of: old)))
        await #expect {
            _ = try await transport.listen(on: .host("127.0.0.1", port: 0), handler: PeerHandler())
        } throws: {
            "\($0)".contains("expired")
        }
    }

    @Test func clientMustProveItself() async throws {
        let identities = try await PeerIdentities()
        let server = PeerSecurity.mutual(identities).server
        let none = TLSConfiguration(trustRoots: .file(identities.authorities.rootPath))
        #expect(try await refusal(none, by: server)?.detail.contains("certificate") == true)
        let stranger = identities.configuration(of: identities.stranger)
        #expect(try await refusal(stranger, by: server) != nil)
    }

    @Test func grpcioServerMustProveItself() async throws {
        let identities = try await PeerIdentities()
        try await PeerPrograms.withServer(.mutual(identities)) { _, node in
            let wrong = TLSConfiguration(trustRoots: .file(identities.authorities.otherRootPath))
            let missing = TLSConfiguration(trustRoots: .file(identities.authorities.rootPath))
            for (tls, name) in [
                (wrong, "localhost"), (missing, "localhost"),
                (identities.configuration(of: identities.client), "elsewhere.example"),
            ] {
                let error = try await failure {
                    let transport = HTTP2Transport(configuration: .init(tls: tls))
                    let connection = try await transport.connect(to: node, as: .host(name))
                    _ = try await connection.unary(.peer("Unary"), EncodedMessage(payload: Data()))
                }
                #expect(error?.status == .unavailable)
                #expect(error?.detail.isEmpty == false)
            }
        }
    }

    @Test func plaintextAndTLSDoNotMeet() async throws {
        let identities = try await PeerIdentities()
        let security = PeerSecurity.tls(identities)
        let plainClient = try await refusal(nil, by: security.server)
        #expect(plainClient != nil)
        let plainServer = try await refusal(security.client, by: nil)
        #expect(plainServer?.processed == .no)
        #expect(plainServer?.detail.contains("TLS") == true)
    }

    @Test func filesThatAreNotThereAreNamed() async throws {
        let tls = TLSConfiguration(certificateChain: .file("/no/such.crt"), privateKey: .file("/no/such.key"))
        await #expect {
            _ = try await HTTP2Transport(configuration: .init(tls: tls)).listen(
                on: .host("127.0.0.1", port: 0), handler: PeerHandler())
        } throws: {
            "\($0)".contains("/no/such.crt")
        }
    }
}
