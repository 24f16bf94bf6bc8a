import NIOCore
import NIOPosix
import Synchronization

/// What holds for all connections of a relay.
struct RelaySettings: Sendable {
    var conditions = Both(toServer: FaultProxy.Conditions(), toClient: FaultProxy.Conditions())
    var isRefusing = false
}

/// What a relay has done so far.
final class RelayCounts: Sendable {
    private struct State {
        var connections = 0
        var passed = Both(toServer: 0, toClient: 0)
    }

    private let state = Mutex(State())

    var connections: Int { state.withLock(\.connections) }

    func passed(_ direction: FaultProxy.Direction) -> Int { state.withLock { $0.passed[direction] } }

    func add(_ count: Int, _ direction: FaultProxy.Direction) {
        state.withLock { $0.passed[direction] += count }
    }

    /// Counts a connection, and returns how many there were before.
    func addConnection() -> Int {
        state.withLock { state in
            defer { state.connections += 1 }
            return state.connections
        }
    }
}

/// All connections of a proxy.
///
/// It is confined to its loop.
final class Relay {
    private let loop: any EventLoop
    private let server: (host: String, port: Int)
    private let network: FaultProxy.Network
    private let script: FaultProxy.Script
    private let counts: RelayCounts
    private var settings = RelaySettings()
    private var connections: [Int: RelayedConnection] = [:]

    init(
        loop: any EventLoop, server: (host: String, port: Int), network: FaultProxy.Network,
        script: FaultProxy.Script, counts: RelayCounts
    ) {
        self.loop = loop
        self.server = server
        self.network = network
        self.script = script
        self.counts = counts
    }

    /// Whether clients are refused.
    var isRefusing: Bool { settings.isRefusing }

    /// Opens the port for clients.
    static func listen(
        _ relay: NIOLoopBound<Relay>, on loop: any EventLoop, network: FaultProxy.Network
    ) async throws -> any Channel {
        switch network {
        case .tcp: try await StreamEnd.listen(relay, on: loop)
        case .udp: try await DatagramFront.listen(relay, on: loop)
        }
    }

    func apply(_ settings: RelaySettings) {
        self.settings = settings
        for connection in inOrder { connection.apply(settings.conditions) }
    }

    func cutAll() { for connection in inOrder { connection.cut() } }

    func halfCloseAll(_ direction: FaultProxy.Direction) {
        for connection in inOrder { connection.halfClose(direction) }
    }

    private var inOrder: [RelayedConnection] {
        connections.values.sorted { $0.number < $1.number }
    }

    /// Makes a connection of a client's socket; the caller begins it.
    ///
    /// - Parameters:
    ///   - client: The socket.
    ///   - onClose: Called once it is closed.
    /// - Returns: The connection.
    func open(_ client: any RelayEnd, onClose: @escaping () -> Void = {}) -> RelayedConnection {
        let number = counts.addConnection()
        func pipe(_ direction: FaultProxy.Direction) -> FaultPipe {
            FaultPipe(direction, network, loop: loop, seed: script.seed, connection: number)
        }
        let connection = RelayedConnection(
            number, client: client, pipes: Both(toServer: pipe(.toServer), toClient: pipe(.toClient)),
            script: ScriptRun(script.steps(of: number, over: network), loop: loop),
            connect: { [self] in connect($0) },
            onPass: { [counts] in counts.add($0, $1) },
            onClose: { [self] connection in
                connections[connection.number] = nil
                onClose()
            })
        connections[number] = connection
        return connection
    }

    /// Begins a connection under the conditions that hold now.
    func begin(_ connection: RelayedConnection) { connection.begin(settings.conditions) }

    private func connect(_ connection: RelayedConnection) {
        let opening: EventLoopFuture<any Channel> =
            switch network {
            case .tcp: StreamEnd.connect(to: server, for: connection, on: loop)
            case .udp: DatagramEnd.connect(to: server, for: connection, on: loop)
            }
        opening.assumeIsolated().whenFailure { _ in connection.cut() }
    }
}
