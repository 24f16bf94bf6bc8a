public import MicroCore

/// Sends the requests of a streaming call, one after the other.
///
/// It is used by one task at a time.
public struct RequestWriter<Element: Sendable>: Sendable {
    private let writer: MessageWriter<Element>
    private let end: @Sendable () async throws(MicroError) -> Void

    init(_ writer: MessageWriter<Element>, end: @escaping @Sendable () async throws(MicroError) -> Void) {
        self.writer = writer
        self.end = end
    }

    /// Sends a request; suspends while the other side can't take more.
    ///
    /// - Parameter element: The request.
    /// - Throws: The error that the call has ended with, or why the request can't be encoded.
    public func write(_ element: Element) async throws(MicroError) { try await writer.write(element) }

    /// Sends a request that is not compressed, whatever the call's options say; see
    /// ``EncodedMessage/skipsCompression``.
    ///
    /// - Parameter element: The request.
    /// - Throws: The error that the call has ended with, or why the request can't be encoded.
    public func writeUncompressed(_ element: Element) async throws(MicroError) {
        try await writer.writeUncompressed(element)
    }

    /// Sends requests one after the other.
    ///
    /// - Parameter elements: The requests.
    /// - Throws: The error that the call has ended with, or why a request can't be encoded.
    public func write(contentsOf elements: some Sequence<Element>) async throws(MicroError) {
        try await writer.write(contentsOf: elements)
    }

    /// Tells the other side that no further request comes; replies can still be read.
    ///
    /// - Throws: The error that the call has ended with.
    public func finish() async throws(MicroError) { try await end() }
}
