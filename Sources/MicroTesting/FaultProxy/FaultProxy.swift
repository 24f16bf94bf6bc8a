internal import MicroCore
internal import MicroPluginKit
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A relay between two programs of this machine through which the network between them fails as a test wants it to.
///
/// A client connects to ``address`` in place of the server's. What it sends, and what the server answers, passes as it is
/// until the test says otherwise: then it is delayed, throttled, held back, lost, changed, or the connection breaks.
///
/// ```swift
/// try await withFaultProxy(to: "127.0.0.1:2379") { proxy in
///     let registry = EtcdRegistry(addresses: [proxy.address])
///     …
///     await proxy.partition()
///     …
///     await proxy.restore()
/// }
/// ```
///
/// ``set(_:_:)``, ``cut(refusingNew:)`` and the like change all connections at once. A ``Script`` says what becomes of each
/// connection by itself: after how many bytes and after which time, byte by byte the same in every run, or by a seed.
///
/// ```swift
/// // The answers end in the midst of the hundredth byte's frame, on the first connection alone.
/// let script = FaultProxy.Script { connection in
///     connection == 0 ? [.pass(100, .toClient), .cut] : []
/// }
/// ```
///
/// The proxy has a thread of its own, so that event loops that are blocked don't block the network. The caller of ``run()``
/// owns it: when that returns, all of its sockets are closed, and connections that were open have been reset.
public final class FaultProxy: Sendable {
    /// What is relayed.
    public enum Network: Hashable, Sendable {
        /// Connections of TCP.
        case tcp

        /// Datagrams of UDP; those of one client's port are a connection.
        case udp
    }

    /// Which way bytes go.
    public enum Direction: Hashable, Sendable, CaseIterable {
        /// From the client to the server.
        case toServer

        /// From the server to the client.
        case toClient
    }

    private enum Phase {
        case new
        case running(NIOLoopBound<Relay>)
        case ended
    }

    private struct State {
        var phase = Phase.new
        var address = ""
        var settings = RelaySettings()
    }

    private let server: String
    private let network: Network
    private let script: Script
    private let counts = RelayCounts()
    private let hasBegun = Latch()
    private let state = Mutex(State())

    /// Creates a proxy, which relays while ``run()`` runs.
    ///
    /// - Parameters:
    ///   - server: The address of the server, `host:port`. Nobody need listen there yet.
    ///   - network: What is relayed.
    ///   - script: What becomes of each connection.
    public init(to server: String, over network: Network = .tcp, script: Script = .none) {
        self.server = server
        self.network = network
        self.script = script
    }

    /// The address for clients, `127.0.0.1:port`; empty until the proxy runs.
    public var address: String { state.withLock(\.address) }

    /// How many connections clients have opened so far.
    public var connectionCount: Int { counts.connections }

    /// Returns how many bytes have reached the far end so far.
    ///
    /// - Parameter direction: Which way.
    /// - Returns: The number of bytes, on all connections together.
    public func passedBytes(_ direction: Direction) -> Int { counts.passed(direction) }

    /// Relays until the task is cancelled.
    ///
    /// - Throws: A ``StartError`` if the server's address is none, or an error of the system if no port can be opened.
    public func run() async throws {
        defer { hasBegun.open() }
        guard let target = HostPort.split(server), let port = target.port, !target.host.isEmpty else {
            throw StartError(.invalidConfiguration, "The address \"\(server)\" is not host:port.")
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            try await relay(on: group.next(), host: target.host, port: port)
        } catch {
            await end(group)
            throw error
        }
        await end(group)
    }

    /// Waits until clients can connect, or until the proxy could not begin to run.
    public func waitUntilRunning() async { await hasBegun.wait() }

    private func relay(on loop: any EventLoop, host: String, port: Int) async throws {
        let (network, script, counts) = (network, script, counts)
        let relay = try await loop.submit {
            let relay = Relay(
                loop: loop, server: (host, port), network: network, script: script, counts: counts)
            return NIOLoopBound(relay, eventLoop: loop)
        }.get()
        state.withLock { $0.phase = .running(relay) }
        await apply()
        let channel = try await Relay.listen(relay, on: loop, network: network)
        state.withLock { $0.address = "127.0.0.1:\(channel.localAddress?.port ?? 0)" }
        hasBegun.open()
        // Nothing opens it: it is left by cancellation.
        await Latch().wait()
    }

    /// Closes all sockets, and waits until they are closed.
    private func end(_ group: MultiThreadedEventLoopGroup) async {
        await perform { $0.cutAll() }
        state.withLock { $0.phase = .ended }
        do {
            try await group.shutdownGracefully()
        } catch {
            // A socket that the system can't close is gone all the same.
        }
    }
}

// MARK: - Faults of all connections

extension FaultProxy {
    /// Changes how bytes travel on all connections, present and future ones.
    ///
    /// - Parameters:
    ///   - conditions: How they travel from now on.
    ///   - direction: Which way; both if `nil`.
    public func set(_ conditions: Conditions, _ direction: Direction? = nil) async {
        await change { settings in
            for each in Direction.allCases where direction == nil || direction == each {
                settings.conditions[each] = conditions
            }
        }
    }

    /// Lets nothing pass any more and tells nobody, as a network does whose cable was pulled.
    ///
    /// What is sent on a connection of TCP waits, and arrives after ``restore()``; datagrams are lost. A connection that a
    /// client opens meanwhile is opened to the server after that, too.
    public func partition() async { await set(network == .tcp ? .stalled : .swallowed) }

    /// Lets everything pass as it is, and everybody connect.
    public func restore() async { await change { $0 = RelaySettings() } }

    /// Resets all connections (RST), on both sides.
    ///
    /// What was held back is lost.
    ///
    /// - Parameter refusingNew: Whether connections that clients open later are reset at once as well, until
    ///   ``restore()``.
    public func cut(refusingNew: Bool = false) async {
        if refusingNew { await change { $0.isRefusing = true } }
        await perform { $0.cutAll() }
    }

    /// Ends one direction of all connections (FIN) in place of what has not passed yet; the other one goes on.
    ///
    /// Datagrams have no end, so nothing becomes of them.
    ///
    /// - Parameter direction: Which way nothing more is sent.
    public func halfClose(_ direction: Direction) async { await perform { $0.halfCloseAll(direction) } }

    private func change(_ body: (inout RelaySettings) -> Void) async {
        state.withLock { body(&$0.settings) }
        await apply()
    }

    private func apply() async {
        let settings = state.withLock(\.settings)
        await perform { $0.apply(settings) }
    }

    /// Does something on the relay's loop, and returns when it is done.
    private func perform(_ body: @escaping @Sendable (Relay) -> Void) async {
        guard case .running(let relay) = state.withLock(\.phase) else { return }
        // If the loop has ended, there are no connections to which something could be done.
        _ = try? await relay.eventLoop.submit { body(relay.value) }.get()
    }
}

/// Runs a ``FaultProxy`` while a closure does.
///
/// - Parameters:
///   - server: The address of the server, `host:port`. Nobody need listen there yet.
///   - network: What is relayed.
///   - script: What becomes of each connection.
///   - body: Called once clients can connect.
/// - Returns: What the closure returned.
/// - Throws: What the closure threw, or why the proxy can't run.
public func withFaultProxy<Result: Sendable>(
    to server: String, over network: FaultProxy.Network = .tcp, script: FaultProxy.Script = .none,
    _ body: (FaultProxy) async throws -> Result
) async throws -> Result {
    let proxy = FaultProxy(to: server, over: network, script: script)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        // Ends when the closure has ended, and has closed its sockets before this function returns.
        group.addTask { try await proxy.run() }
        await proxy.waitUntilRunning()
        if proxy.address.isEmpty {
            try await group.next()
            throw CancellationError()
        }
        let result = try await body(proxy)
        group.cancelAll()
        return result
    }
}
