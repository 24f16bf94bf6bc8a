import MicroCore
import MicroTransportMemory
import Synchronization

/// A transport within the process whose addresses have hosts and ports, and that speaks a protocol of its own.
final class PortTransport: Transport {
    let nodeProtocol: NodeProtocol
    private let base = MemoryTransport()
    private let journal: Journal?
    private static let lastPort = Mutex(40_000)

    init(_ name: String = "ports", transport: String? = nil, _ journal: Journal? = nil) {
        nodeProtocol = NodeProtocol(protocol: name, transport: transport ?? name)
        self.journal = journal
    }

    func listen(on address: ListenAddress, handler: any CallHandler) async throws -> any Listener {
        guard let (host, wanted) = address.hostPort else {
            throw StartError(.address, "\(address) has no port.")
        }
        let port =
            wanted > 0
            ? wanted
            : Self.lastPort.withLock { last in
                last += 1
                return last
            }
        let bound = ListenAddress.host(host, port: port)
        journal?.add("listen \(bound)")
        // A port belongs to all hosts.
        let listener = try await base.listen(on: .named("port-\(port)", scheme: "memory"), handler: handler)
        return PortListener(address: bound, base: listener, journal: journal)
    }

    func connect(to node: Node, as name: PeerName) async throws -> any Connection {
        let port = HostPort.split(node.address)?.port ?? 0
        return try await base.connect(to: Node(id: node.id, address: "port-\(port)"), as: name)
    }
}

private struct PortListener: Listener {
    let address: ListenAddress
    let base: any Listener
    let journal: Journal?

    func shutdown(deadline: ContinuousClock.Instant) async {
        journal?.add("shutdown \(address)")
        await base.shutdown(deadline: deadline)
        journal?.add("closed \(address)")
    }
}

extension Plugin {
    /// The transport as something that variables choose.
    static func ports(_ name: String = "ports", transport: String? = nil, _ journal: Journal? = nil) -> Self {
        let node = NodeProtocol(protocol: name, transport: transport ?? name)
        return Plugin(.transport, transport ?? name, provides: [node.declaration]) { _ in
            PortTransport(name, transport: transport, journal)
        }
    }
}
