public import MicroCore

/// Sends the messages of a streaming answer, one after the other.
///
/// It is used by one task at a time.
public struct MessageWriter<Element: Sendable>: Sendable {
    private let send: @Sendable (EncodedMessage) async throws(MicroError) -> Void
    private let encode: @Sendable (Element) throws -> EncodedMessage
    private let describeFailure: @Sendable (any Error) -> MicroError

    init(
        encode: @escaping @Sendable (Element) throws -> EncodedMessage,
        describeFailure: @escaping @Sendable (any Error) -> MicroError,
        send: @escaping @Sendable (EncodedMessage) async throws(MicroError) -> Void
    ) {
        self.send = send
        self.encode = encode
        self.describeFailure = describeFailure
    }

    /// Sends a message; suspends while the other side can't take more.
    ///
    /// - Parameter element: The message.
    /// - Throws: The error that the call has ended with, or why the message can't be encoded.
    public func write(_ element: Element) async throws(MicroError) {
        try await send(try encoded(element))
    }

    /// Sends a message that is not compressed, whatever the call's other messages are; see
    /// ``EncodedMessage/skipsCompression``.
    ///
    /// - Parameter element: The message.
    /// - Throws: The error that the call has ended with, or why the message can't be encoded.
    public func writeUncompressed(_ element: Element) async throws(MicroError) {
        var message = try encoded(element)
        message.skipsCompression = true
        try await send(message)
    }

    private func encoded(_ element: Element) throws(MicroError) -> EncodedMessage {
        do {
            return try encode(element)
        } catch {
            throw describeFailure(error)
        }
    }

    /// Sends messages one after the other.
    ///
    /// - Parameter elements: The messages.
    /// - Throws: The error that the call has ended with, or why a message can't be encoded.
    public func write(contentsOf elements: some Sequence<Element>) async throws(MicroError) {
        for element in elements { try await write(element) }
    }
}
