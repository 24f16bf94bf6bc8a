import InteropSupport
import Micro
import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// The gRPC project's interoperability test: our side, and Python's grpcio, in both roles.
@Suite(.serialized, .timeLimit(.minutes(2))) struct InteropTests {
    /// grpcio's server doesn't tell its program whether a request came compressed, so it can't refuse a probe.
    private static let notOnGRPCIO: Set<InteropCase> = [.clientCompressedUnary, .clientCompressedStreaming]

    /// Cases that grpcio's client has under the name of the case with a probe.
    private static let notOfGRPCIO: Set<InteropCase> = [
        .clientCompressedUnaryNoProbe, .clientCompressedStreamingNoProbe,
    ]

    /// Latencies are no matter of these tests: a machine may be busy.
    private var patient: SoakOptions {
        var soak = SoakOptions()
        soak.acceptableLatency = .seconds(30)
        soak.overallTimeout = .seconds(60)
        return soak
    }

    private func run(_ cases: [InteropCase], on target: InteropClient.Target) async {
        for testCase in cases {
            do {
                try await InteropClient.run(testCase, on: target, soak: patient)
            } catch {
                Issue.record("\(testCase.rawValue): \(error)")
            }
        }
    }

    @Test(arguments: Security.allCases)
    func ourClientOnOurServer(_ security: Security) async throws {
        try await withOurServer(security) { await run(InteropCase.allCases, on: $0) }
    }

    @Test(arguments: Security.allCases)
    func ourClientOnGRPCIO(_ security: Security) async throws {
        try await withGRPCIOServer(security) { target in
            await run(InteropCase.allCases.filter { !Self.notOnGRPCIO.contains($0) }, on: target)
            for testCase in InteropCase.allCases where Self.notOnGRPCIO.contains(testCase) {
                // As soon as grpcio can tell, the table is to be changed.
                await #expect(throws: InteropFailure.self, "\(testCase.rawValue)") {
                    try await InteropClient.run(testCase, on: target)
                }
            }
        }
    }

    @Test(arguments: Security.allCases)
    func grpcioOnOurServer(_ security: Security) async throws {
        let authority = try await Identities.shared.value.authorities.rootPath
        try await withOurServer(security) { target in
            let program = try await Peers.python(
                "interop_client.py",
                ["--address", target.address] + (security == .tls ? ["--ca", authority] : []))
            let status = try await program.exitStatus(limit: .seconds(120))
            let lines = program.output.split(separator: "\n").map(String.init)
            for line in lines where !line.hasPrefix("ok ") { Issue.record("\(line)") }
            #expect(status == 0, "\(program.errorOutput)")
            let wanted = InteropCase.allCases.filter { !Self.notOfGRPCIO.contains($0) }
            #expect(lines == wanted.map { "ok \($0.rawValue)" })
        }
    }

    @Test func toolsFindTheMethodsByReflection() async throws {
        let server = try Peers.ours("interop-server", ["--port=0", "--host=127.0.0.1"])
        let tool = try await Peers.python("list_methods.py", [try await Peers.address(of: server)])
        #expect(try await tool.exitStatus() == 0, "\(tool.errorOutput)")
        let lines = tool.output.split(separator: "\n").filter { $0.hasPrefix("grpc.testing.") }
        #expect(lines.count == 8)
        #expect(
            lines.contains(
                "grpc.testing.TestService/UnaryCall grpc.testing.SimpleRequest grpc.testing.SimpleResponse"))
        await server.stop()
    }

    @Test func theProgramsSpeakToEachOther() async throws {
        let identities = try await Identities.shared.value
        let server = try Peers.ours(
            "interop-server",
            [
                "--port=0", "--host=127.0.0.1", "--use_tls=true",
                "--tls_cert_file=\(identities.server.certificatePath)",
                "--tls_key_file=\(identities.server.keyPath)",
            ])
        let port = try #require(try await Peers.address(of: server).split(separator: ":").last)
        let client = try Peers.ours(
            "interop-client",
            [
                "--server_host=127.0.0.1", "--server_host_override=localhost", "--server_port=\(port)",
                "--use_tls=true", "--use_test_ca=true", "--ca_file=\(identities.authorities.rootPath)",
                "--test_case=empty_unary,large_unary,rpc_soak,channel_soak", "--soak_iterations=3",
                "--soak_per_iteration_max_acceptable_latency_ms=30000", "--soak_overall_timeout_seconds=60",
                "--soak_max_failures=0",
            ])
        #expect(try await client.exitStatus() == 0, "\(client.output)\(client.errorOutput)")
        #expect(client.output.split(separator: "\n").filter { $0.hasPrefix("ok ") }.count == 4)
        await server.stop()
    }

    @Test func theClientSaysWhatFails() async throws {
        try await withOurServer(.plaintext) { target in
            let port = try #require(target.address.split(separator: ":").last)
            let strict = try Peers.ours(
                "interop-client",
                [
                    "--server_host=127.0.0.1", "--server_port=\(port)", "--test_case=rpc_soak,empty_unary",
                    "--soak_iterations=3", "--soak_per_iteration_max_acceptable_latency_ms=0",
                    "--soak_overall_timeout_seconds=60",
                ])
            #expect(try await strict.exitStatus() == 1)
            #expect(strict.output.contains("FAIL rpc_soak: 3 of 3 iterations failed; 0 may"))
            #expect(strict.output.contains("ok empty_unary"))
            let encrypted = try Peers.ours(
                "interop-client",
                [
                    "--server_host=127.0.0.1", "--server_port=\(port)", "--test_case=empty_unary",
                    "--use_tls=true",
                ])
            #expect(try await encrypted.exitStatus() == 1)
            #expect(encrypted.output.contains("FAIL empty_unary"))
        }
        let unknown = try Peers.ours("interop-client", ["--server_port=1", "--test_case=nothing"])
        #expect(try await unknown.exitStatus() != 0)
        #expect(unknown.errorOutput.contains("There is no case \"nothing\""))
    }
}
