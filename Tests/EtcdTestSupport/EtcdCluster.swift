import MicroTestSupport

/// Three servers that are one cluster.
package struct EtcdCluster: Sendable {
    /// The members.
    package let servers: [EtcdServer]

    /// Starts a cluster that has a leader when it returns.
    package static func started() async throws -> EtcdCluster {
        let ports = try (0..<3).map { _ in try FreePort.tcp() }
        let members = ports.enumerated().map { "m\($0.offset)=http://127.0.0.1:\($0.element)" }
        let servers = try ports.enumerated().map { position, port in
            try EtcdServer(
                .init(name: "m\(position)", cluster: members.joined(separator: ","), peerPort: port))
        }
        for server in servers { try await server.start(waiting: false) }
        for server in servers { try await server.waitUntilReady() }
        return EtcdCluster(servers: servers)
    }

    /// The member that leads.
    package func leader() async throws -> EtcdServer {
        for server in servers where try await server.isLeader() { return server }
        throw TestSupportError("No member of the cluster leads.")
    }
}
