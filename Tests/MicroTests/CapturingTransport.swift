import MicroCore
import MicroTransportMemory
import Synchronization

/// A memory transport that shows what a service does with it.
final class CapturingTransport: Transport {
    private let base = MemoryTransport()
    private let journal: Journal?
    private let captured = Mutex<(any CallHandler)?>(nil)

    init(_ journal: Journal? = nil) { self.journal = journal }

    var handler: (any CallHandler)? { captured.withLock(\.self) }

    func forget() { captured.withLock { $0 = nil } }

    var nodeProtocol: NodeProtocol { base.nodeProtocol }
    var usesNamedAddresses: Bool { base.usesNamedAddresses }

    func prepare(_ context: PluginContext) throws { journal?.add("transport prepare") }

    func listen(on address: ListenAddress, handler: any CallHandler) async throws -> any Listener {
        journal?.add("listen")
        captured.withLock { $0 = handler }
        return CapturedListener(base: try await base.listen(on: address, handler: handler), journal: journal)
    }

    func connect(to node: Node, as name: PeerName) async throws -> any Connection {
        try await base.connect(to: node, as: name)
    }
}

private struct CapturedListener: Listener {
    let base: any Listener
    let journal: Journal?

    var address: ListenAddress { base.address }

    func shutdown(deadline: ContinuousClock.Instant) async {
        journal?.add("shutdown")
        await base.shutdown(deadline: deadline)
        journal?.add("shut down")
    }
}
