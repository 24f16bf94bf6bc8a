import Foundation
import MicroTestSupport
import Synchronization

/// A real etcd that a test starts on a free port, and that keeps its data when it is killed and started again.
package final class EtcdServer: Sendable {
    /// What a server is started with beside its addresses.
    package struct Options: Sendable {
        package var scheme = "http"
        package var arguments: [String] = []
        package var name = "default"
        package var cluster: String?
        package var peerPort: Int?

        /// How much longer than the disk needs every write to it takes.
        package var diskDelay: Duration?

        /// Creates options.
        package init(
            scheme: String = "http", arguments: [String] = [], name: String = "default",
            cluster: String? = nil,
            peerPort: Int? = nil, diskDelay: Duration? = nil
        ) {
            self.scheme = scheme
            self.arguments = arguments
            self.name = name
            self.cluster = cluster
            self.peerPort = peerPort
            self.diskDelay = diskDelay
        }
    }

    /// The address for clients, as `host:port`.
    package let address: String

    private let options: Options
    private let directory: URL
    private let peerURL: String
    private let program = Mutex<ForeignProgram?>(nil)

    /// Prepares a server, which ``start()`` starts.
    package init(_ options: Options = Options()) throws {
        self.options = options
        address = "127.0.0.1:\(try FreePort.tcp())"
        peerURL = "http://127.0.0.1:\(try options.peerPort ?? FreePort.tcp())"
        directory = FileManager.default.temporaryDirectory.appendingPathComponent(
            "micro-etcd-\(UUID().uuidString)")
    }

    deinit {
        program.withLock { $0 = nil }
        // A directory that stays is a nuisance in /tmp, not a failed test.
        try? FileManager.default.removeItem(at: directory)
    }

    /// Starts a server that is ready when it returns.
    package static func started(_ options: Options = Options()) async throws -> EtcdServer {
        let server = try EtcdServer(options)
        try await server.start()
        return server
    }

    /// Starts the server, again if it ran before, with the data that it had.
    package func start(waiting: Bool = true) async throws {
        let url = "\(options.scheme)://\(address)"
        let arguments =
            [
                "--name", options.name, "--data-dir", directory.path, "--listen-client-urls", url,
                "--advertise-client-urls", url, "--listen-peer-urls", peerURL,
                "--initial-advertise-peer-urls", peerURL,
                "--initial-cluster", options.cluster ?? "\(options.name)=\(peerURL)", "--logger", "zap",
            ] + options.arguments
        let started =
            if let delay = options.diskDelay {
                try Self.startSlowly(arguments, delay)
            } else {
                try ForeignProgram("etcd", arguments, package: "etcd-server")
            }
        program.withLock { $0 = started }
        if waiting { try await waitUntilReady() }
    }

    /// Starts an etcd whose writes to the disk are held up by `strace`, which runs beside it and ends with it.
    private static func startSlowly(_ arguments: [String], _ delay: Duration) throws -> ForeignProgram {
        try ForeignProgram(
            "strace",
            [
                "-D", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e",
                "inject=fdatasync,fsync:delay_enter=\(delay / .microseconds(1))", "etcd",
            ] + arguments, package: "strace")
    }

    /// Waits until the server answers clients: it opens its port before.
    package func waitUntilReady() async throws {
        try await program.withLock(\.self)?.waitForOutput("serving client traffic")
    }

    /// Sends the process a signal.
    package func send(signal: Int32) { program.withLock(\.self)?.send(signal: signal) }

    /// Kills the process, without letting it close anything.
    package func kill() async throws {
        let running = program.withLock(\.self)
        running?.send(signal: SIGKILL)
        try await running?.exitStatus()
    }

    /// Throws the data of a killed server away.
    package func wipe() throws { try FileManager.default.removeItem(at: directory) }

    /// Runs `etcdctl`, and returns what it prints.
    @discardableResult
    package func ctl(_ arguments: [String], input: String? = nil) async throws -> String {
        let program = try ForeignProgram(
            "etcdctl", ["--endpoints", "\(options.scheme)://\(address)"] + arguments,
            environment: ["ETCDCTL_API": "3"], package: "etcd-client")
        if let input { try program.write(input) }
        program.closeInput()
        let status = try await program.exitStatus()
        guard status == 0 else {
            throw TestSupportError("etcdctl \(arguments) ended with \(status): \(program.errorOutput)")
        }
        return program.output
    }

    /// The keys that stand in etcd.
    package func keys(_ prefix: String = "/micro/registry/") async throws -> [String] {
        try await ctl(["get", "--prefix", "--keys-only", prefix]).split(separator: "\n").map(String.init)
    }

    /// The revision of the store.
    package func revision() async throws -> Int {
        let text = try await ctl(["get", "/", "-w", "json"])
        return text.firstMatch(of: /"revision":([0-9]+)/).flatMap { Int($0.1) } ?? 0
    }

    /// How many watches clients have, as etcd's metrics say.
    package func watcherCount() async throws -> Int {
        let script = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"
        let program = try ForeignProgram(
            "python3", ["-c", script, "\(options.scheme)://\(address)/metrics"], package: "python3")
        _ = try await program.exitStatus()
        return program.output.firstMatch(of: /\netcd_debugging_mvcc_watcher_total ([0-9]+)/).flatMap {
            Int($0.1)
        } ?? 0
    }

    /// Whether this member leads its cluster.
    package func isLeader() async throws -> Bool {
        let text = try await ctl(["endpoint", "status", "-w", "json"])
        return text.firstMatch(of: /"member_id":([0-9]+)/)?.1 == text.firstMatch(of: /"leader":([0-9]+)/)?.1
    }
}
