public import MicroCore

/// The promises of `Transport` and of what it returns, as checks that any transport can be put to.
///
/// ```swift
/// @Test func keepsThePromisesOfATransport() async throws {
///     let suite = TransportConformance(
///         server: MyTransport(), client: MyTransport(), address: .host("127.0.0.1", port: 0))
///     try await suite.run()
/// }
/// ```
///
/// Each check opens a listener of its own at the address and dials the address that the listener
/// reports, through a node with the metadata that a server registers.
public struct TransportConformance: Sendable {
    /// The transport that listens.
    public var server: any Transport

    /// The transport that dials.
    public var client: any Transport

    /// Where to listen; its port should be 0.
    public var address: ListenAddress

    /// Who the server must prove to be, where the transport verifies it.
    public var peerName: PeerName = .host("localhost")

    /// What the transports are prepared with.
    public var context: PluginContext = .testing(role: "transport")

    /// Where the handlers of the checks run.
    public var executionPolicy: ExecutionPolicy.Choice = .automatic

    /// The greatest number of bytes of a message that both sides accept; `nil` if there is no limit.
    public var maximumMessageSize: Int? = 4 << 20

    /// How many calls are made at once.
    public var concurrentCalls = 1000

    /// How long a sender has to be without progress to count as waiting for its reader.
    public var stallTime: Duration = .milliseconds(250)

    /// How long one phase may take before it counts as hanging.
    public var patience: Duration = .seconds(60)

    /// Creates a suite.
    ///
    /// - Parameters:
    ///   - server: The transport that listens.
    ///   - client: The transport that dials.
    ///   - address: Where to listen; its port should be 0.
    public init(server: any Transport, client: any Transport, address: ListenAddress) {
        self.server = server
        self.client = client
        self.address = address
    }

    /// Runs all checks.
    ///
    /// - Throws: A ``ConformanceFailure`` that lists the broken promises, or what the transports throw
    ///   when they are prepared.
    public func run() async throws {
        try server.prepare(context)
        if (server as AnyObject) !== (client as AnyObject) { try client.prepare(context) }
        let findings = Findings(patience: patience)
        let fixture = Fixture(findings: findings, suite: self)
        for (name, check) in Self.phases {
            await findings.phase(name) { try await check(fixture) }
        }
        try findings.report("transport")
    }

    typealias Check = @Sendable (Fixture) async throws -> Void

    private static var phases: [(String, Check)] {
        shapePhases + outcomePhases + metadataPhases + compressionPhases + limitPhases + flowPhases
            + endPhases
    }

    /// What a phase works with.
    struct Fixture: Sendable {
        let findings: Findings
        let suite: TransportConformance

        /// A place for a handler.
        var executionPolicy: ExecutionPolicy { ExecutionPolicy(suite.executionPolicy) }

        /// A listener, and how to reach it.
        struct Server: Sendable {
            let listener: any Listener
            let handler: ProbeHandler
            let suite: TransportConformance

            /// The listener as a node of a registry.
            var node: Node {
                let pair = suite.server.nodeProtocol
                return Node(
                    id: "conformance-1", address: listener.address.nodeAddress,
                    metadata: ["protocol": pair.protocol, "transport": pair.transport])
            }

            /// Opens a connection.
            func connect() async throws -> any Connection {
                try await suite.client.connect(to: node, as: suite.peerName)
            }
        }

        /// Runs checks with a listener of their own, which is shut down behind them.
        func withServer(
            _ decide: @escaping @Sendable (CallHead) -> CallDecision,
            _ body: (Server) async throws -> Void
        ) async throws {
            let handler = ProbeHandler(decide)
            let listener = try await suite.server.listen(on: suite.address, handler: handler)
            do {
                try await body(Server(listener: listener, handler: handler, suite: suite))
            } catch {
                await listener.shutdown(deadline: .now)
                throw error
            }
            await listener.shutdown(deadline: .now)
            findings.expect(
                handler.running == 0, "\(handler.running) handlers still run after shutdown has returned.")
        }

        /// Runs checks with a connection to a listener of their own.
        func withConnection(
            _ decide: @escaping @Sendable (CallHead) -> CallDecision,
            _ body: (any Connection) async throws -> Void
        ) async throws {
            try await withServer(decide) { server in
                let connection = try await server.connect()
                do {
                    try await body(connection)
                } catch {
                    await connection.close(deadline: .now)
                    throw error
                }
                await connection.close(deadline: .now)
            }
        }

        /// Checks that a function throws an error with one of some statuses.
        ///
        /// - Returns: The error, if one was thrown.
        @discardableResult
        func expectError(
            _ statuses: RPCStatus..., when what: String, _ body: () async throws -> Void
        ) async throws -> MicroError? {
            do {
                try await body()
                findings.expect(false, "\(what): there should be an error \(statuses), and there was none.")
                return nil
            } catch let error as MicroError {
                findings.expect(
                    statuses.isEmpty || statuses.contains(error.status),
                    "\(what): the error should be one of \(statuses), and was \(error).")
                return error
            }
        }
    }
}

extension EncodedMessage {
    /// A message of some text.
    init(text: String) { self.init(Array(text.utf8)) }

    /// The message as text.
    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// A message of a size, whose bytes depend on a number; the first one is the number's lowest.
    init(size: Int, seed: Int) {
        var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: seed), count: size)
        for position in stride(from: 997, to: size, by: 997) {
            bytes[position] = UInt8(truncatingIfNeeded: seed &+ position >> 8)
        }
        self.init(bytes)
    }
}
