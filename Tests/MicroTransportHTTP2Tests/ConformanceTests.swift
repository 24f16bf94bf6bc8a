import Foundation
import MicroCore
import MicroTesting
import MicroTransportHTTP2
import Testing

/// The promises of every transport.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ConformanceTests {
    private func run(
        _ security: PeerSecurity, at address: ListenAddress = .host("127.0.0.1", port: 0),
        executionPolicy: ExecutionPolicy.Choice = .automatic
    ) async throws {
        var suite = TransportConformance(
            server: security.serverTransport, client: security.clientTransport, address: address)
        suite.executionPolicy = executionPolicy
        try await suite.run()
    }

    @Test func plaintext() async throws { try await run(.plaintext) }

    @Test func plaintextWithHandlersOnThePool() async throws {
        try await run(.plaintext, executionPolicy: .globalPool)
    }

    @Test func tls() async throws { try await run(.tls(PeerIdentities())) }

    @Test func mutualTLS() async throws { try await run(.mutual(PeerIdentities())) }

    @Test func unixSocket() async throws {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("micro-\(UUID().uuidString.prefix(8)).sock").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await run(.plaintext, at: .unixSocket(path))
    }
}
