import Foundation
import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// The programs of `Tests/Peers`, which speak gRPC by Python's grpcio.
enum PeerPrograms {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Peers")

    /// Starts one of the programs.
    static func start(_ name: String, _ arguments: [String]) async throws -> ForeignProgram {
        let probe = try ForeignProgram("python3", ["-c", "import grpc"], package: "python3")
        guard try await probe.exitStatus() == 0 else {
            throw TestSupportError("Python's grpcio isn't there. Install it with: pip install grpcio")
        }
        return try ForeignProgram("python3", [folder.appendingPathComponent(name).path] + arguments)
    }

    /// Runs a closure with a grpcio server.
    static func withServer(
        _ security: PeerSecurity = .plaintext, _ body: (ForeignProgram, Node) async throws -> Void
    ) async throws {
        let arguments = ["--port", "0", "--until-stdin-ends"] + security.serverArguments
        let program = try await start("grpc_server.py", arguments)
        try await program.waitForOutput("\n")
        let line = try #require(program.output.split(separator: "\n").first)
        let address = String(line.dropFirst("listening ".count))
        try await body(program, Node(id: "peer-1", address: address))
        program.closeInput()
        _ = try await program.exitStatus()
    }
}

/// How the two sides of a test prove who they are.
enum PeerSecurity: Sendable {
    case plaintext
    case tls(PeerIdentities)
    case mutual(PeerIdentities)

    /// What a grpcio server is started with.
    var serverArguments: [String] {
        switch self {
        case .plaintext: []
        case .tls(let identities):
            ["--tls-cert", identities.server.certificatePath, "--tls-key", identities.server.keyPath]
        case .mutual(let identities):
            PeerSecurity.tls(identities).serverArguments + ["--client-ca", identities.authorities.rootPath]
        }
    }

    /// What a grpcio client is started with.
    var clientArguments: [String] {
        switch self {
        case .plaintext: []
        case .tls(let identities): ["--ca", identities.authorities.rootPath]
        case .mutual(let identities):
            [
                "--ca", identities.authorities.rootPath,
                "--cert", identities.client.certificatePath, "--key", identities.client.keyPath,
                "--stranger-cert", identities.stranger.certificatePath,
                "--stranger-key", identities.stranger.keyPath,
            ]
        }
    }

    /// The configuration of our server.
    var server: TLSConfiguration? {
        switch self {
        case .plaintext: nil
        case .tls(let identities): identities.configuration(of: identities.server)
        case .mutual(let identities):
            identities.configuration(of: identities.server, clientVerification: .required)
        }
    }

    /// The configuration of our client.
    var client: TLSConfiguration? {
        switch self {
        case .plaintext: nil
        case .tls(let identities): TLSConfiguration(trustRoots: .file(identities.authorities.rootPath))
        case .mutual(let identities): identities.configuration(of: identities.client)
        }
    }

    var serverTransport: HTTP2Transport { HTTP2Transport(configuration: .init(tls: server)) }
    var clientTransport: HTTP2Transport { HTTP2Transport(configuration: .init(tls: client)) }
}

/// The certificates of a test.
struct PeerIdentities: Sendable {
    let authorities: TestCertificates
    let server: TestCertificates.Issued
    let client: TestCertificates.Issued
    let stranger: TestCertificates.Issued

    init() async throws {
        authorities = try await TestCertificates()
        server = try await authorities.issue(.server)
        // The names that the checks of the grpcio client expect.
        client = try await authorities.issue(
            .init("client", alternativeNames: ["DNS:client.test", "URI:spiffe://test/client"]))
        stranger = try await authorities.issue(.client, by: .other)
    }

    func configuration(
        of issued: TestCertificates.Issued,
        clientVerification: TLSConfiguration.ClientVerification = .none
    ) -> TLSConfiguration {
        TLSConfiguration(
            certificateChain: .file(issued.certificatePath), privateKey: .file(issued.keyPath),
            trustRoots: .file(authorities.rootPath), clientVerification: clientVerification)
    }
}
