import Foundation
import MicroTestSupport

/// Two machines, as far as programs can tell: network namespaces of the test's own, with a cable between.
struct NetworkNamespaces: Sendable {
    /// Whether this process may make namespaces, which needs root and iproute2.
    static let areAvailable =
        geteuid() == 0
        && ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"].contains(
            where: FileManager.default.isExecutableFile)
        && probe()

    let first: String
    let second: String

    /// The address of the first and the second machine on the cable.
    static let firstAddress = "10.99.0.1"
    static let secondAddress = "10.99.0.2"

    init() async throws {
        let suffix = UUID().uuidString.prefix(6).lowercased()
        (first, second) = ("micro-a-\(suffix)", "micro-b-\(suffix)")
        for name in [first, second] {
            try await Self.ip("netns", "add", name)
            try await Self.ip("-n", name, "link", "set", "lo", "up")
        }
        try await Self.ip(
            "-n", first, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", second)
        for (name, address) in [(first, Self.firstAddress), (second, Self.secondAddress)] {
            try await Self.ip("-n", name, "address", "add", "\(address)/24", "dev", "cable")
            try await Self.ip("-n", name, "link", "set", "cable", "up")
            // Multicast needs a route.
            try await Self.ip("-n", name, "route", "add", "default", "dev", "cable")
        }
    }

    /// Removes the namespaces; programs that run in them keep theirs until they end.
    func remove() async throws {
        for name in [first, second] { try await Self.ip("netns", "delete", name) }
    }

    /// Starts a program on one of the machines.
    func start(
        _ program: String, _ arguments: [String], on machine: String, environment: [String: String] = [:]
    ) throws -> ForeignProgram {
        try ForeignProgram(
            "ip", ["netns", "exec", machine, program] + arguments, environment: environment,
            package: "iproute2")
    }

    private static func ip(_ arguments: String...) async throws {
        let program = try ForeignProgram("ip", arguments, package: "iproute2")
        let status = try await program.exitStatus()
        guard status == 0 else {
            throw TestSupportError("ip \(arguments.joined(separator: " ")): \(program.errorOutput)")
        }
    }

    private static func probe() -> Bool {
        let name = "micro-probe-\(getpid())"
        func run(_ arguments: [String]) -> Int32 {
            guard let program = try? ForeignProgram("ip", arguments) else { return -1 }
            while program.status == nil { usleep(1000) }
            return program.status ?? -1
        }
        defer { _ = run(["netns", "delete", name]) }
        return run(["netns", "add", name]) == 0
    }
}
