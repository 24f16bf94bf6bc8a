/// A way for calls to travel between services.
///
/// A transport carries calls, not bytes: what they look like on the wire is its own affair. It
/// starts no work before ``listen(on:handler:)`` or ``connect(to:as:)``, and whatever these return
/// owns all that was started.
///
/// ## Rules for an implementation
///
/// - All functions may be called concurrently, from any executor.
/// - A transport never retries. A failure tells by ``MicroError/processed`` whether the peer may
///   have seen the call, and the engine decides.
/// - A receiver that does not read stops its own call only.
/// - Input from the network is bounded, and an error in one call leaves the others alone.
///
/// Run `TransportConformance` of `MicroTesting` against a transport that you write.
public protocol Transport: Part {
    /// What a server registers of its nodes under the metadata keys `protocol` and `transport`.
    var nodeProtocol: NodeProtocol { get }

    /// Whether nodes are reached by names and not by host and port: subjects, queues, names within the process.
    ///
    /// Such a transport listens on ``ListenAddress/named(_:scheme:)`` with the name of its
    /// ``NodeProtocol/transport`` for the scheme, and on a free name for `.host("", port: 0)`. A node's address is the
    /// name alone. `false` by default.
    var usesNamedAddresses: Bool { get }

    /// Begins to accept calls.
    ///
    /// - Parameters:
    ///   - address: Where to listen. Port 0 lets the system choose a free port.
    ///   - handler: What to do with each call.
    /// - Returns: The open listener, which accepts calls until it is shut down.
    /// - Throws: A ``StartError`` that names the address if it can't be used.
    func listen(on address: ListenAddress, handler: any CallHandler) async throws -> any Listener

    /// Opens a connection to a node.
    ///
    /// The time that it takes is bounded by the transport's configuration and by the calling task's
    /// cancellation.
    ///
    /// - Parameters:
    ///   - node: Where the peer is.
    ///   - name: Who the peer must prove to be where the transport verifies it.
    /// - Returns: The open connection.
    /// - Throws: A ``MicroError`` with the status `unavailable` that was surely not processed.
    func connect(to node: Node, as name: PeerName) async throws -> any Connection
}

extension Transport {
    /// Nodes are reached by host and port.
    public var usesNamedAddresses: Bool { false }
}

/// The pair of node metadata by which a client finds the transport that speaks to a node.
public struct NodeProtocol: Hashable, Sendable {
    /// The value of the key `protocol`: `grpc` or `mucp`.
    public var `protocol`: String

    /// The value of the key `transport`.
    public var transport: String

    /// Creates a pair.
    ///
    /// - Parameters:
    ///   - protocol: The value of the key `protocol`.
    ///   - transport: The value of the key `transport`.
    public init(protocol: String, transport: String) {
        self.protocol = `protocol`
        self.transport = transport
    }

    /// How a plugin of a transport declares the pair, see ``Plugin/provides``: `grpc/grpc`.
    public var declaration: String { "\(`protocol`)/\(transport)" }

    /// Reads what a plugin declares; `nil` if it is none.
    ///
    /// - Parameter declaration: The declaration, such as `grpc/grpc`.
    public init?(declaration: String) {
        let parts = declaration.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        self.init(protocol: String(parts[0]), transport: String(parts[1]))
    }

    /// gRPC over HTTP/2, which is also what a node without metadata speaks.
    public static var grpc: Self { Self(protocol: "grpc", transport: "grpc") }

    /// The protocol of a node, as its metadata has it.
    ///
    /// - Parameter node: A node of the registry, or one that a user named by its address.
    public init(of node: Node) {
        guard let `protocol` = node.metadata?["protocol"] else {
            self = .grpc
            return
        }
        self.init(protocol: `protocol`, transport: node.metadata?["transport"] ?? `protocol`)
    }
}

/// Who a peer must prove to be when a connection is secured.
public enum PeerName: Hashable, Sendable {
    /// The service of a registry's node: nodes have IP addresses, so the certificate names the
    /// service, by a DNS name or by a SPIFFE URI whose last path component it is.
    case service(String)

    /// The host of an address that the user gave.
    case host(String)
}

/// A server that listens for calls.
public protocol Listener: Sendable {
    /// The address that is bound, with the port or name that was chosen.
    var address: ListenAddress { get }

    /// Stops listening and ends the calls that run.
    ///
    /// New connections and new calls are refused at once, with an outcome that makes clients try
    /// elsewhere. Calls that run may finish until the deadline; those that remain are cancelled.
    /// Returns when nothing of the listener runs or is open any more. Cancelling the calling task
    /// moves the deadline to now.
    ///
    /// - Parameter deadline: Until when running calls may finish.
    func shutdown(deadline: ContinuousClock.Instant) async
}

/// A client's connection to one node, on which any number of calls run at once.
public protocol Connection: Sendable {
    /// Whether new calls can be made: it is open, and the peer has not said that it goes away.
    var isUsable: Bool { get }

    /// The number of calls that run.
    var activeCalls: Int { get }

    /// Makes a call with one message each way.
    ///
    /// Cancelling the calling task resets the call.
    ///
    /// - Parameters:
    ///   - head: What to call.
    ///   - message: The request.
    /// - Returns: The answer.
    /// - Throws: The error that the server answered with, or one that the transport met.
    func unary(_ head: CallHead, _ message: EncodedMessage) async throws(MicroError) -> UnaryReply

    /// Begins a streaming call.
    ///
    /// - Parameter head: What to call.
    /// - Returns: The open call, which the caller ends by reading to its end or by
    ///   ``ClientCallStream/cancel()``.
    /// - Throws: An error that the transport met.
    func open(_ head: CallHead) async throws(MicroError) -> any ClientCallStream

    /// Closes the connection: at once if `deadline` has passed, else when its calls are done.
    ///
    /// Returns when nothing of the connection runs or is open any more.
    ///
    /// - Parameter deadline: Until when running calls may finish.
    func close(deadline: ContinuousClock.Instant) async
}

/// A streaming call as the client sees it.
///
/// One task at a time may read and one may write; both may run at once, on any executor. Cancelling
/// a task that is suspended in one of the functions resets the call.
public protocol ClientCallStream: Sendable {
    /// Returns the next message of the answer.
    ///
    /// - Returns: The message, or `nil` once the server has ended the call successfully.
    /// - Throws: The error that the server ended the call with, or one that the transport met.
    func receive() async throws(MicroError) -> EncodedMessage?

    /// Sends a message; suspends while the peer's window, or the bounded send buffer, is full.
    ///
    /// - Parameter message: The message.
    /// - Throws: The error that the call ended with. Reading tells it as well.
    func send(_ message: EncodedMessage) async throws(MicroError)

    /// Ends the request; the answer can still be read.
    ///
    /// - Throws: The error that the call ended with.
    func finish() async throws(MicroError)

    /// Returns the metadata in front of the first message; suspends until they are there.
    ///
    /// - Returns: The fields; empty if the call ended without any.
    /// - Throws: The error that the call ended with.
    func metadata() async throws(MicroError) -> Metadata

    /// The metadata behind the last message; empty until the call has ended.
    var trailingMetadata: Metadata { get }

    /// Resets the call if it still runs. Does nothing else.
    func cancel()
}
