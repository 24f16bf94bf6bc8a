public import MicroCore

/// Calls between services of one process, without a socket.
///
/// It keeps every promise of `Transport`, back-pressure and deadlines included, so a service that is
/// tested with it behaves the same on the network. Messages are handed over without a copy.
///
/// Listeners are known to the whole process by a name, `memory:NAME`; without one a free name is chosen.
/// Handlers run on Swift's global pool, whatever their execution policy, since there is no thread of a
/// connection.
public struct MemoryTransport: Transport {
    /// The limits of a memory transport.
    public struct Configuration: Hashable, Sendable {
        /// The greatest number of bytes of a message that is accepted.
        public var maximumMessageSize = 4 << 20

        /// How many messages of a call wait in each direction before their sender does.
        public var bufferedMessages = 16

        /// Creates a configuration with the defaults.
        public init() {}

        /// The defaults: 4 MiB a message, 16 messages a direction.
        public static var defaults: Self { Self() }
    }

    private let configuration: Configuration

    /// Creates a transport.
    ///
    /// - Parameter configuration: The limits.
    public init(configuration: Configuration = .defaults) {
        self.configuration = configuration
    }

    /// The pair `memory`, `memory`.
    public var nodeProtocol: NodeProtocol {
        NodeProtocol(protocol: "memory", transport: MemoryAddresses.scheme)
    }

    /// Nodes are reached by names within the process.
    public var usesNamedAddresses: Bool { true }

    /// Begins to accept calls.
    ///
    /// - Parameters:
    ///   - address: Where to listen: `.named("inbox", scheme: "memory")`. A host and port are taken for a name as
    ///     well, and port 0 chooses a free one.
    ///   - handler: What to do with each call.
    /// - Returns: The open listener, which accepts calls until it is shut down.
    /// - Throws: A `StartError` that names the address if another listener has it.
    public func listen(
        on address: ListenAddress, handler: any CallHandler
    ) async throws -> any Listener {
        try MemoryAddresses.bind(address) { address in
            MemoryListener(address: address, handler: handler, configuration: configuration)
        }
    }

    /// Opens a connection to a node.
    ///
    /// - Parameters:
    ///   - node: Where the peer is.
    ///   - name: Who the peer must prove to be; within a process there is nothing to prove.
    /// - Returns: The open connection.
    /// - Throws: A `MicroError` with the status `unavailable` if nobody listens there.
    public func connect(to node: Node, as name: PeerName) async throws -> any Connection {
        guard let listener = MemoryAddresses.listener(at: node.address), listener.isAccepting else {
            throw MicroError(
                .unavailable, "Nobody listens at \(node.address.printableAddress()) in this process.",
                processed: .no)
        }
        return MemoryConnection(to: listener, configuration: configuration)
    }
}

extension Transport where Self == MemoryTransport {
    /// Calls between services of one process.
    public static var memory: MemoryTransport { MemoryTransport() }
}
