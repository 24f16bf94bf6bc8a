public import MicroCore

/// The messages that the other side of a streaming call sends, in their order.
///
/// It is read by one task, once:
///
/// ```swift
/// for try await request in requests { … }
/// ```
///
/// Reading suspends until a message is there. As long as nobody reads, the other side is held up.
public struct MessageStream<Element: Sendable>: AsyncSequence, Sendable {
    /// The error that the call ends with.
    public typealias Failure = MicroError

    private let receive: @Sendable () async throws(MicroError) -> EncodedMessage?
    private let decode: @Sendable (RawSpan) throws -> Element
    private let describeFailure: @Sendable (any Error) -> MicroError

    init(
        decode: @escaping @Sendable (RawSpan) throws -> Element,
        describeFailure: @escaping @Sendable (any Error) -> MicroError,
        receive: @escaping @Sendable () async throws(MicroError) -> EncodedMessage?
    ) {
        self.receive = receive
        self.decode = decode
        self.describeFailure = describeFailure
    }

    /// Returns the next message; suspends until it is there.
    ///
    /// - Returns: The message, or `nil` when the other side has ended the stream.
    /// - Throws: The error that the call ended with, or what is wrong with the message.
    public func next() async throws(MicroError) -> Element? {
        guard let message = try await receive() else { return nil }
        return try decoded(message)
    }

    /// Returns the next message, and how it was compressed on its way.
    ///
    /// - Returns: Both, or `nil` when the other side has ended the stream.
    /// - Throws: The error that the call ended with, or what is wrong with the message.
    package func nextReceived() async throws(MicroError) -> (element: Element, compression: Compression)? {
        guard let message = try await receive() else { return nil }
        return (try decoded(message), message.receivedCompression)
    }

    private func decoded(_ message: EncodedMessage) throws(MicroError) -> Element {
        do {
            return try message.withBytes(decode)
        } catch {
            throw describeFailure(error)
        }
    }

    /// Returns the iterator; the stream is read by one task.
    public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

    /// Reads the messages one by one.
    public struct Iterator: AsyncIteratorProtocol {
        let stream: MessageStream

        /// Returns the next message; suspends until it is there.
        ///
        /// - Returns: The message, or `nil` when the other side has ended the stream.
        /// - Throws: The error that the call ended with, or what is wrong with the message.
        public func next() async throws(MicroError) -> Element? { try await stream.next() }

        /// Returns the next message; suspends until it is there.
        ///
        /// - Parameter actor: The actor to stay on.
        /// - Returns: The message, or `nil` when the other side has ended the stream.
        /// - Throws: The error that the call ended with, or what is wrong with the message.
        public func next(isolation actor: isolated (any Actor)?) async throws(MicroError) -> Element? {
            try await stream.next()
        }
    }
}
