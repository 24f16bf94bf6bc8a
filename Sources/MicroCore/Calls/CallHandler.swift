/// What a server does with the calls that arrive.
///
/// The engine gives one to ``Transport/listen(on:handler:)``; it is its router. The transport asks
/// it once for each call, synchronously, as soon as the call's head is complete, and often from the
/// thread that serves a connection: an implementation answers at once and never blocks.
///
/// ## What the transport promises
///
/// - It starts what ``CallDecision`` says in a task of its own for each call.
/// - Messages of a call arrive in order, each once. Between calls there is no order.
/// - A reset, a lost connection or a passed deadline cancels the task; what the task returns
///   afterwards is dropped.
/// - An error that a handler throws is sent as it is: turning other errors into a ``MicroError``
///   is the engine's work.
public protocol CallHandler: Sendable {
    /// Decides what to do with a call.
    ///
    /// - Parameter head: What the call says before its first message.
    /// - Returns: What to run, or the error to answer with.
    func accept(_ head: CallHead) -> CallDecision
}

/// What a ``CallHandler`` decided for one call.
public enum CallDecision: Sendable {
    /// Runs a function with the one message of the request, and answers with one message.
    ///
    /// The function starts when one whole message is there, without waiting for the end of the
    /// request: a go-micro client never sends it. A request that ends before its first message, or
    /// has a second one, is answered with an error.
    case unary(UnaryRun, ExecutionPolicy)

    /// Runs a function with the one message of the request, which may send many.
    ///
    /// It starts as a unary one does.
    case serverStream(ServerStreamRun, ExecutionPolicy)

    /// Runs a function that reads many messages and may send many.
    ///
    /// It starts at once, so the server may speak first.
    case stream(StreamRun, ExecutionPolicy)

    /// Answers with an error and reads nothing.
    case refuse(MicroError)
}

/// A call with one message each way: middleware, coders and handler composed.
public typealias UnaryRun = @Sendable (CallHead, EncodedMessage) async throws(MicroError) -> UnaryReply

/// A call with one message in and many out; the result is the trailing metadata.
public typealias ServerStreamRun =
    @Sendable (CallHead, EncodedMessage, any ServerCallStream) async throws(MicroError) -> Metadata

/// A call with many messages each way; the result is the trailing metadata.
public typealias StreamRun = @Sendable (CallHead, any ServerCallStream) async throws(MicroError) -> Metadata

/// The answer to a unary call that succeeded.
public struct UnaryReply: Sendable {
    /// The message.
    public var message: EncodedMessage

    /// What is sent in front of the message.
    public var metadata: Metadata

    /// What is sent behind the message.
    public var trailingMetadata: Metadata

    /// How the message is compressed on its way, where the transport can and the caller understands it.
    ///
    /// A caller learns how it was.
    public var compression: Compression

    /// Creates a reply.
    ///
    /// - Parameters:
    ///   - message: The message.
    ///   - metadata: What is sent in front of the message.
    ///   - trailingMetadata: What is sent behind the message.
    ///   - compression: How the message is compressed on its way.
    public init(
        _ message: EncodedMessage, metadata: Metadata = Metadata(), trailingMetadata: Metadata = Metadata(),
        compression: Compression = .identity
    ) {
        self.message = message
        self.metadata = metadata
        self.trailingMetadata = trailingMetadata
        self.compression = compression
    }
}

/// A streaming call as the server's handler sees it.
///
/// One task at a time may read and one may write; both may run at once, on any executor.
public protocol ServerCallStream: Sendable {
    /// Returns the next message of the request.
    ///
    /// Suspends until a message is there. A handler that does not read stops its own call only: the
    /// peer's window closes, and no more than that is buffered.
    ///
    /// - Returns: The message, or `nil` once the client has ended the request.
    /// - Throws: `cancelled` or `deadlineExceeded` if the call is over, and what was wrong with a
    ///   request that can't be read.
    func receive() async throws(MicroError) -> EncodedMessage?

    /// Sends a message.
    ///
    /// Suspends while the peer's window, or the bounded send buffer, is full.
    ///
    /// - Parameter message: The message.
    /// - Throws: `cancelled` or `deadlineExceeded` if the call is over.
    func send(_ message: EncodedMessage) async throws(MicroError)

    /// Sends the metadata that goes in front of the first message.
    ///
    /// Without it, empty metadata goes with the first message. Does nothing once they are sent.
    ///
    /// - Parameter metadata: The fields.
    /// - Throws: `cancelled` or `deadlineExceeded` if the call is over.
    func sendMetadata(_ metadata: Metadata) async throws(MicroError)

    /// Sends the metadata that goes in front of the first message, and compresses the messages behind it.
    ///
    /// Messages are compressed only where the transport can and the caller understands it, and not those that
    /// ask to be left as they are (``EncodedMessage/skipsCompression``). Does nothing once metadata are sent.
    ///
    /// - Parameters:
    ///   - metadata: The fields.
    ///   - compression: How the messages are compressed.
    /// - Throws: `cancelled` or `deadlineExceeded` if the call is over.
    func sendMetadata(_ metadata: Metadata, compression: Compression) async throws(MicroError)
}

extension ServerCallStream {
    /// Sends the metadata, and leaves the messages as they are.
    public func sendMetadata(_ metadata: Metadata, compression: Compression) async throws(MicroError) {
        try await sendMetadata(metadata)
    }
}
