import Foundation
import InteropSupport
import Micro
import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// How the two sides of a test are secured.
enum Security: String, CaseIterable, Sendable {
    case plaintext, tls
}

/// The certificates of all tests, made once.
struct Identities: Sendable {
    let authorities: TestCertificates
    let server: TestCertificates.Issued

    static let shared = Task {
        let authorities = try await TestCertificates()
        return Identities(authorities: authorities, server: try await authorities.issue(.server))
    }

    /// Trust in the authority that has signed the server's certificate.
    var client: TLSConfiguration { TLSConfiguration(trustRoots: .file(authorities.rootPath)) }
}

/// The programs of both languages.
enum Peers {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Starts one of the programs of `Tests/Peers`.
    static func python(_ name: String, _ arguments: [String]) async throws -> ForeignProgram {
        let probe = try ForeignProgram("python3", ["-c", "import grpc"], package: "python3")
        guard try await probe.exitStatus() == 0 else {
            throw TestSupportError("Python's grpcio isn't there. Install it with: pip install grpcio")
        }
        let path = root.appendingPathComponent("Tests/Peers/\(name)").path
        return try ForeignProgram("python3", [path] + arguments)
    }

    /// Starts one of our programs, which lie beside the program that runs the tests.
    static func ours(_ name: String, _ arguments: [String]) throws -> ForeignProgram {
        let folder = Bundle.main.executableURL?.resolvingSymlinksInPath().deletingLastPathComponent()
        let beside = folder?.appendingPathComponent(name).path
        let path =
            beside.flatMap { FileManager.default.isExecutableFile(atPath: $0) ? $0 : nil }
            ?? root.appendingPathComponent(".build/debug/\(name)").path
        return try ForeignProgram(path, arguments)
    }

    /// Returns the address that a server has told.
    static func address(of server: ForeignProgram) async throws -> String {
        // One write, so the whole line is there; the log goes elsewhere.
        try await server.waitForOutput("listening ")
        let line = try #require(server.output.split(separator: "\n").first { $0.hasPrefix("listening ") })
        return String(line.dropFirst("listening ".count))
    }
}

/// Runs a test against our server, in this process.
func withOurServer(_ security: Security, _ body: (InteropClient.Target) async throws -> Void) async throws {
    var overrides = [
        "registry": "memory", "server.address": "127.0.0.1:0", "server.deregistration.delay": "0",
    ]
    let identities = try await Identities.shared.value
    if security == .tls {
        overrides["tls.cert"] = identities.server.certificatePath
        overrides["tls.key"] = identities.server.keyPath
    }
    let service = MicroService("grpc.testing", configuration: ConfigurationSources(overrides: overrides)) {
        InteropService()
    }
    try await service.withRunning { running in
        try await body(
            InteropClient.Target(
                address: "\(running.address)", tls: security == .tls ? identities.client : nil))
    }
}

/// Runs a test against grpcio's server.
func withGRPCIOServer(_ security: Security, _ body: (InteropClient.Target) async throws -> Void) async throws
{
    let identities = try await Identities.shared.value
    let files = [
        "--tls-cert", identities.server.certificatePath, "--tls-key", identities.server.keyPath,
    ]
    let server = try await Peers.python(
        "interop_server.py", ["--port", "0", "--until-stdin-ends"] + (security == .tls ? files : []))
    try await body(
        InteropClient.Target(
            address: try await Peers.address(of: server), tls: security == .tls ? identities.client : nil))
    server.closeInput()
    _ = try await server.exitStatus()
}
