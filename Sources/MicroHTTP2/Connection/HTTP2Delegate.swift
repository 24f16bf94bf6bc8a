/// Whom a connection notifies of what becomes of it: the owner of its channel.
///
/// The connection keeps it for as long as it lives itself. All functions are called on the connection's event loop.
package protocol HTTP2ConnectionDelegate: AnyObject {
    /// Records that the connection is encrypted, and the names that the peer has proved.
    func connectionSecured(by peerIdentities: [String])

    /// Records that no more streams can be opened on the connection, and that it will close; called once or more,
    /// before anybody learns of it from a stream.
    func connectionBecameUnusable()

    /// Records that the connection is closed and has no more streams, and why; called once.
    func connectionClosed(_ connection: HTTP2Connection, reason: String)
}

/// Who serves the requests of a connection: the protocol on top of HTTP/2.
///
/// The fields of a request's head come one by one, and header blocks don't overlap (RFC 9113, section 4.3). When the
/// head is complete, the delegate makes the stream that serves the request, so what kind of stream it is may depend
/// on the fields, such as on `content-type`.
package protocol HTTP2ServerDelegate: HTTP2ConnectionDelegate {
    /// Whether one more request can be taken on, as far as the delegate is concerned.
    var hasRoom: Bool { get }

    /// What a client gets that speaks HTTP/1.x: a whole answer.
    var answerToHTTP1: String { get }

    /// Takes a field of a request's head.
    ///
    /// - Parameters:
    ///   - field: What HTTP/2 knows of the name.
    ///   - name: The name, which is valid until the function returns, as the value is.
    ///   - value: The value.
    ///   - scratch: Memory for what is kept of the head until it is complete.
    /// - Returns: Whether the delegate knows the name, which is then not checked for bad characters.
    func headReceived(
        _ field: FieldName?, name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>,
        scratch: LoopScratch
    ) -> Bool

    /// Records that the head is longer than ``HTTP2Limits/maximumHeaderListSize``: what is behind the limit is not
    /// reported, and so the head as it stands means nothing.
    func headTooLong()

    /// Forgets the fields so far, since the head never ended.
    func discardHead()

    /// Makes the stream of the request whose head is complete; the next function that is called is one of the stream.
    func makeStream(on connection: HTTP2Connection) -> HTTP2Stream

    /// Records that the client is refused, and its connection closed.
    func connectionRefused(_ offence: FloodGuard.Offence)
}
