import Foundation
import MicroNATS
import MicroTestSupport

/// A nats-server on a free loopback port, with a directory of its own.
final class NATSServerProcess: Sendable {
    let port: Int
    let directory: URL
    private let arguments: [String]
    let program: ForeignProgram

    private init(port: Int, directory: URL, arguments: [String]) async throws {
        self.port = port
        self.directory = directory
        self.arguments = arguments
        program = try ForeignProgram("nats-server", arguments, package: "nats-server")
        try await program.waitForOutput("Server is ready")
    }

    deinit {
        // A directory that stays is a nuisance in /tmp, not a failed test.
        try? FileManager.default.removeItem(at: directory)
    }

    /// Starts a server.
    ///
    /// - Parameters:
    ///   - configuration: The configuration file's text.
    ///   - jetStream: Whether JetStream is on, with files in the server's directory.
    ///   - port: The port; a free one if `nil`.
    ///   - arguments: More arguments.
    /// - Returns: The server, which is ready.
    /// - Throws: A ``TestSupportError`` if it can't be started.
    static func start(
        _ configuration: String = "", jetStream: Bool = false, port: Int? = nil, arguments: [String] = []
    ) async throws -> NATSServerProcess {
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("micro-nats-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let file = directory.appendingPathComponent("nats.conf")
        try Data(configuration.utf8).write(to: file)
        let port = try port ?? FreePort.tcp()
        var all = ["-a", "127.0.0.1", "-p", "\(port)", "-c", file.path] + arguments
        if jetStream { all += ["-js", "-sd", directory.appendingPathComponent("store").path] }
        return try await NATSServerProcess(port: port, directory: directory, arguments: all)
    }

    var address: NATSServer { NATSServer(host: "127.0.0.1", port: port) }

    /// Kills the server as a power cut would.
    func kill() async throws {
        program.send(signal: SIGKILL)
        try await program.exitStatus()
    }

    /// Starts it again, on the same port and files, once it has been killed.
    func restarted() async throws -> Restarted { try await Restarted(self) }

    func stop() async { await program.stop() }

    /// The successor of a killed server, which keeps the files of the first alive.
    final class Restarted: Sendable {
        private let first: NATSServerProcess
        let program: ForeignProgram

        fileprivate init(_ first: NATSServerProcess) async throws {
            self.first = first
            program = try ForeignProgram("nats-server", first.arguments, package: "nats-server")
            try await program.waitForOutput("Server is ready")
        }

        func stop() async { await program.stop() }

        func kill() async throws {
            program.send(signal: SIGKILL)
            try await program.exitStatus()
        }
    }
}
