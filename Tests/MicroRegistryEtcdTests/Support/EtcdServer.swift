import Foundation
import MicroTestSupport
import Synchronization

/// A real etcd that a test starts on a free port, and that keeps its data when it is killed and started again.
final class EtcdServer: Sendable {
    /// What a server is started with beside its addresses.
    struct Options: Sendable {
        var scheme = "http"
        var arguments: [String] = []
        var name = "default"
        var cluster: String?
        var peerPort: Int?
    }

    /// The address for clients, as `host:port`.
    let address: String

    private let options: Options
    private let directory: URL
    private let peerURL: String
    private let program = Mutex<ForeignProgram?>(nil)

    /// Prepares a server, which ``start()`` starts.
    init(_ options: Options = Options()) throws {
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
    static func started(_ options: Options = Options()) async throws -> EtcdServer {
        let server = try EtcdServer(options)
        try await server.start()
        return server
    }

    /// Starts the server, again if it ran before, with the data that it had.
    func start(waiting: Bool = true) async throws {
        let url = "\(options.scheme)://\(address)"
        let started = try ForeignProgram(
            "etcd",
            [
                "--name", options.name, "--data-dir", directory.path, "--listen-client-urls", url,
                "--advertise-client-urls", url, "--listen-peer-urls", peerURL,
                "--initial-advertise-peer-urls", peerURL,
                "--initial-cluster", options.cluster ?? "\(options.name)=\(peerURL)", "--log-level", "warn",
                "--logger", "zap",
            ] + options.arguments, package: "etcd-server")
        program.withLock { $0 = started }
        if waiting { try await waitUntilReady() }
    }

    /// Waits until the server answers clients.
    func waitUntilReady() async throws {
        let end = ContinuousClock.now + .seconds(30)
        while true {
            if let program = program.withLock(\.self), let status = program.status {
                throw TestSupportError("etcd has ended with \(status): \(program.errorOutput)")
            }
            if Self.accepts(address) { return }
            guard ContinuousClock.now < end else { throw TestSupportError("etcd does not answer.") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Whether a port is open: etcd opens it for clients once it can serve them.
    private static func accepts(_ address: String) -> Bool {
        let port = UInt16(address.split(separator: ":").last ?? "") ?? 0
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        // A sockaddr_in is one of the forms that a sockaddr pointer may point to, used during the call only.
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    /// Sends the process a signal.
    func send(signal: Int32) { program.withLock(\.self)?.send(signal: signal) }

    /// Kills the process, without a farewell.
    func kill() async throws {
        let running = program.withLock(\.self)
        running?.send(signal: SIGKILL)
        try await running?.exitStatus()
    }

    /// Throws the data of a killed server away.
    func wipe() throws { try FileManager.default.removeItem(at: directory) }

    /// Runs `etcdctl`, and returns what it prints.
    @discardableResult
    func ctl(_ arguments: [String], input: String? = nil) async throws -> String {
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
    func keys(_ prefix: String = "/micro/registry/") async throws -> [String] {
        try await ctl(["get", "--prefix", "--keys-only", prefix]).split(separator: "\n").map(String.init)
    }

    /// The revision of the store.
    func revision() async throws -> Int {
        let text = try await ctl(["get", "/", "-w", "json"])
        return text.firstMatch(of: /"revision":([0-9]+)/).flatMap { Int($0.1) } ?? 0
    }

    /// Whether this member leads its cluster.
    func isLeader() async throws -> Bool {
        let text = try await ctl(["endpoint", "status", "-w", "json"])
        return text.firstMatch(of: /"member_id":([0-9]+)/)?.1 == text.firstMatch(of: /"leader":([0-9]+)/)?.1
    }
}
