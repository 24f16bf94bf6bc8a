import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// An unmodified grpcio client calls our server: the checks are in `Tests/Peers/checks`.
@Suite(.serialized, .timeLimit(.minutes(5))) struct GRPCIOClientTests {
    private func check(_ security: PeerSecurity) async throws {
        let listener = try await security.serverTransport.listen(
            on: .host("127.0.0.1", port: 0), handler: PeerHandler())
        let program = try await PeerPrograms.start(
            "grpc_client.py", ["--address", "\(listener.address)"] + security.clientArguments)
        let status = try await program.exitStatus(limit: .seconds(300))
        let failures = program.output.split(separator: "\n").filter { $0.hasPrefix("FAIL") }
        #expect(failures.isEmpty)
        #expect(status == 0, "\(program.errorOutput)")
        #expect(program.output.contains("ok unary\n"))
        await listener.shutdown(deadline: .now)
    }

    @Test func plaintext() async throws { try await check(.plaintext) }

    @Test func tls() async throws { try await check(.tls(PeerIdentities())) }

    @Test func mutualTLS() async throws { try await check(.mutual(PeerIdentities())) }
}
