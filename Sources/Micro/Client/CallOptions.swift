public import MicroCore

/// How one call is made, where it should differ from the client's configuration.
///
/// ```swift
/// try await client.call("greeter", "Greeter.Hello", request, returning: HelloReply.self,
///                       options: CallOptions(timeout: .seconds(1), retry: .idempotent))
/// ```
public struct CallOptions: Sendable {
    /// How long the call may take, with all attempts.
    ///
    /// The default is the client's, which is 5 s; a stream has no limit unless one is given.
    public var timeout: Duration?

    /// The moment at which the call ends at the latest; the earlier of this and the timeout counts.
    public var deadline: ContinuousClock.Instant?

    /// The metadata to send along.
    public var metadata: Metadata

    /// Which failed attempts are made again.
    ///
    /// If `nil`, what the client's ``ServiceConfig`` says of the method counts, or else whether the method is idempotent:
    /// by its ``RPCMethod``, by its `.proto` file, or by the registry.
    public var retry: RetryPolicy?

    /// How many further attempts are made at most; as the policy or the client's configuration says if `nil`.
    ///
    /// An attempt that no node has seen, since it could not be connected to, does not count while there are nodes that
    /// were not tried.
    public var retries: Int?

    /// Whether the call has several attempts at once; as the client's ``ServiceConfig`` says if `nil`.
    ///
    /// It counts for calls with one message each way.
    public var hedging: HedgingPolicy?

    /// How much it matters that the call is answered; as much as the call that a handler answers with it if `nil`.
    public var criticality: Criticality?

    /// An address to call, `host:port`, in place of a node of the registry.
    public var address: String?

    /// How the messages are encoded; the first that a linked codec offers for the types if `nil`.
    public var contentSubtype: String?

    /// How the requests are compressed; as the client's configuration says if `nil`.
    ///
    /// A service that doesn't understand it answers with `unimplemented`. Answers come compressed or not as
    /// the service likes.
    public var compression: Compression?

    /// How the node is chosen; what it leaves open is as for other calls of the service.
    public var routing: Routing?

    /// What the call is about, such as a user or a document, for selectors that send what belongs together to the same
    /// node.
    public var routingKey: String?

    /// Creates options.
    ///
    /// - Parameters:
    ///   - timeout: How long the call may take, with all attempts.
    ///   - deadline: The moment at which the call ends at the latest.
    ///   - metadata: The metadata to send along.
    ///   - retry: Which failed attempts are made again.
    ///   - retries: How many further attempts are made at most.
    ///   - hedging: Whether the call has several attempts at once.
    ///   - criticality: How much it matters that the call is answered.
    ///   - address: An address to call in place of a node of the registry.
    ///   - contentSubtype: How the messages are encoded.
    ///   - compression: How the requests are compressed.
    ///   - routing: How the node is chosen.
    ///   - routingKey: What the call is about, for selectors that send what belongs together to the same node.
    public init(
        timeout: Duration? = nil, deadline: ContinuousClock.Instant? = nil, metadata: Metadata = [:],
        retry: RetryPolicy? = nil, retries: Int? = nil, hedging: HedgingPolicy? = nil,
        criticality: Criticality? = nil, address: String? = nil,
        contentSubtype: String? = nil, compression: Compression? = nil, routing: Routing? = nil,
        routingKey: String? = nil
    ) {
        self.timeout = timeout
        self.deadline = deadline
        self.metadata = metadata
        self.retry = retry
        self.retries = retries
        self.hedging = hedging
        self.criticality = criticality
        self.address = address
        self.contentSubtype = contentSubtype
        self.compression = compression
        self.routing = routing
        self.routingKey = routingKey
    }

    /// Options that call an address in place of a node of the registry.
    ///
    /// - Parameter address: The address, `host:port`.
    /// - Returns: The options.
    public static func address(_ address: String) -> Self { Self(address: address) }

    /// Options with metadata to send along.
    ///
    /// - Parameter metadata: The fields.
    /// - Returns: The options.
    public static func metadata(_ metadata: Metadata) -> Self { Self(metadata: metadata) }

    /// Options with a limit of time.
    ///
    /// - Parameter timeout: How long the call may take, with all attempts.
    /// - Returns: The options.
    public static func timeout(_ timeout: Duration) -> Self { Self(timeout: timeout) }
}
