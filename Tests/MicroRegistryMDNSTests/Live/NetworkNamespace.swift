import MicroTestSupport

/// A network of its own, with its own interfaces, in which a test runs programs as on another machine.
///
/// It is gone with the last reference to it and the last program in it.
final class NetworkNamespace: Sendable {
    private let holder: ForeignProgram

    /// Makes a network with a loopback interface alone.
    ///
    /// - Parameter isLoopbackUp: Whether that is up.
    /// - Throws: A `TestSupportError` that says what the tests need.
    init(isLoopbackUp: Bool = true) async throws {
        let loopback = isLoopbackUp ? "ip link set lo up && " : "ip link show lo && "
        holder = try ForeignProgram(
            "unshare", ["--net", "sh", "-c", loopback + "echo ready && exec cat"], package: "util-linux")
        do {
            try await holder.waitForOutput("ready")
        } catch {
            throw TestSupportError(
                "These tests make networks of their own: they need the rights of root (CAP_SYS_ADMIN and "
                    + "CAP_NET_ADMIN), and iproute2 (apt-get install iproute2). \(error)")
        }
    }

    /// Connects this network with another one by a cable.
    ///
    /// - Parameters:
    ///   - other: The other network.
    ///   - name: The name of the interface, which is up in both.
    /// - Throws: A `TestSupportError` if the system refuses.
    func connect(to other: NetworkNamespace, as name: String) async throws {
        try await ip("link add \(name) type veth peer name \(name) netns \(other.holder.processIdentifier)")
        for network in [self, other] { try await network.ip("link set \(name) up") }
    }

    /// Runs `ip` with arguments.
    func ip(_ arguments: String) async throws {
        let program = try start("ip", arguments.split(separator: " ").map(String.init))
        let status = try await program.exitStatus()
        guard status == 0 else {
            throw TestSupportError("ip \(arguments) ended with \(status): \(program.errorOutput)")
        }
    }

    /// Starts a program in the network.
    func start(
        _ program: String, _ arguments: [String] = [], environment: [String: String] = [:]
    ) throws -> ForeignProgram {
        try ForeignProgram(
            "nsenter", ["--net=/proc/\(holder.processIdentifier)/ns/net", program] + arguments,
            environment: environment, package: "util-linux")
    }
}
