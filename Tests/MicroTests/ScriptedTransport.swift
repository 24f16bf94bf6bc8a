import MicroCore
import Synchronization

/// A client's transport whose connections do what a test says.
final class ScriptedTransport: Transport {
    typealias Script =
        @Sendable (_ node: Node, _ head: CallHead, _ number: Int) async throws(MicroError) -> String

    private let script: Script
    private let state = Mutex(State())
    private let beforeConnect: @Sendable (Node) async throws -> Void
    let usesNamedAddresses: Bool

    private struct State {
        var connects = 0
        var closes = 0
        var calls = 0
        var open: [ScriptedConnection] = []
    }

    init(
        _ script: @escaping Script = { node, _, _ throws(MicroError) in node.id },
        beforeConnect: @escaping @Sendable (Node) async throws -> Void = { _ in },
        usesNamedAddresses: Bool = false
    ) {
        self.usesNamedAddresses = usesNamedAddresses
        self.script = script
        self.beforeConnect = beforeConnect
    }

    var nodeProtocol: NodeProtocol { .grpc }
    var connects: Int { state.withLock(\.connects) }
    var closes: Int { state.withLock(\.closes) }
    var calls: Int { state.withLock(\.calls) }

    /// Makes all open connections unusable, as a lost network would.
    func breakAll() { for connection in state.withLock(\.open) { connection.breakDown() } }

    func listen(on address: ListenAddress, handler: any CallHandler) async throws -> any Listener {
        throw StartError(.address, "This transport can't listen.")
    }

    func connect(to node: Node, as name: PeerName) async throws -> any Connection {
        state.withLock { $0.connects += 1 }
        try await beforeConnect(node)
        let connection = ScriptedConnection(node: node, transport: self)
        state.withLock { $0.open.append(connection) }
        return connection
    }

    fileprivate func call(_ node: Node, _ head: CallHead) async throws(MicroError) -> UnaryReply {
        let number = state.withLock { state in
            state.calls += 1
            return state.calls
        }
        let text = try await script(node, head, number)
        return UnaryReply(EncodedMessage(#"{"message":"\#(text)"}"#.utf8))
    }

    fileprivate func closed() { state.withLock { $0.closes += 1 } }
}

final class ScriptedConnection: Connection {
    private let node: Node
    private let transport: ScriptedTransport
    private let isBroken = Atomic(false)

    init(node: Node, transport: ScriptedTransport) {
        self.node = node
        self.transport = transport
    }

    func breakDown() { isBroken.store(true, ordering: .relaxed) }

    var isUsable: Bool { !isBroken.load(ordering: .relaxed) }
    var activeCalls: Int { 0 }

    func unary(_ head: CallHead, _ message: EncodedMessage) async throws(MicroError) -> UnaryReply {
        try await transport.call(node, head)
    }

    func open(_ head: CallHead) async throws(MicroError) -> any ClientCallStream {
        throw MicroError(.unimplemented, "no streams here")
    }

    func close(deadline: ContinuousClock.Instant) async { transport.closed() }
}
