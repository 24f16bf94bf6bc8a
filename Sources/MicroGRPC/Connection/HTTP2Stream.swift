import MicroCore
import NIOCore

/// One call on a connection: its state, confined to the connection's event loop.
///
/// ``ServerStream`` and ``ClientStream`` say what the parts of a call mean on their side.
class HTTP2Stream {
    /// What nghttp2 gets when it asks for a part of the body.
    enum BodyPart {
        /// So many bytes.
        case bytes(Int)
        /// So many bytes, and the body is done.
        case lastBytes(Int, isFollowedByTrailers: Bool)
        /// None yet.
        case later
        /// None any more: what follows the body was not taken.
        case failed
    }

    final let connection: HTTP2Connection

    /// The number of the stream on the wire; 0 until it is known.
    final var id: Int32 = 0

    /// The position in the connection's list of streams.
    final var position = 0

    /// When the call ends at the latest.
    final var deadline: NIODeadline?

    /// By when the peer must have gone on with the call, if it is the peer's turn.
    final var patience: NIODeadline?

    /// Whether the stream is gone from the connection.
    final var isClosed = false

    /// What waits to be sent.
    ///
    /// Messages are put behind it by ``append(_:)`` and dropped by ``dropOutbound()``, so that the connection
    /// knows how much waits in all.
    final var outbound = OutboundBody()

    /// Whether nghttp2 was told that there is no body yet, and must be told when there is.
    private final var isBodyDeferred = false

    /// A sender that waits until less than the low watermark waits with it.
    final var sender: UnsafeContinuation<MicroError?, Never>?

    init(connection: HTTP2Connection) { self.connection = connection }

    // MARK: What the wire brings

    /// Takes one field of a head or of trailers.
    func headerReceived(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {}

    /// Records that a head or the trailers are complete.
    func headersEnded(endsStream: Bool) {}

    /// Takes bytes of the body.
    ///
    /// - Parameters:
    ///   - bytes: The bytes.
    ///   - inLastFrame: Whether the frame that they are in ends the body.
    func bodyReceived(_ bytes: UnsafeRawBufferPointer, inLastFrame: Bool) {}

    /// Records that the peer has ended its side.
    func bodyEnded() {}

    /// Records that the stream is gone.
    func closed(_ reason: CloseReason) {}

    /// Ends the call because its deadline has passed.
    func expire() {}

    /// Ends the call because the peer has not gone on with it.
    func patienceEnded() {}

    /// Records that our head, or our trailers, were not sent, and why.
    func headersNotSent(_ reason: String) {}

    /// Records that our head, or our trailers, are on the wire.
    func headersSent(endsStream: Bool) {}

    // MARK: What goes to the wire

    /// Puts a message behind those that wait to be sent.
    final func append(_ message: Message, isCompressed: Bool) {
        connection.waitingBytes += message.storage.count
        outbound.append(message, isCompressed: isCompressed)
    }

    /// Puts a body of text behind the head, which ends the stream.
    final func append(text: String) {
        connection.waitingBytes += text.utf8.count
        outbound.append(text: text)
    }

    /// Drops what waits to be sent, because the call is over.
    final func dropOutbound() {
        connection.waitingBytes -= outbound.count
        outbound.removeAll()
    }

    /// Gives the peer time to go on with the call.
    final func waitForPeer() {
        let due = connection.now + connection.stallTimeout
        patience = due
        connection.watchDeadline(due)
    }

    /// Tells nghttp2 of new bytes, or of the end, if it waits for them.
    final func outboundChanged() {
        if isBodyDeferred {
            isBodyDeferred = false
            connection.session.resumeBody(of: id)
        }
        connection.setNeedsFlush()
    }

    /// Returns how much of the body can be sent now.
    final func nextBody(limit: Int) -> BodyPart {
        let count = min(limit, outbound.count)
        guard let end = outbound.end, count == outbound.count else {
            if count > 0 { return .bytes(count) }
            isBodyDeferred = true
            return .later
        }
        let isTaken: Bool
        switch end {
        case .stream: return .lastBytes(count, isFollowedByTrailers: false)
        case .success: isTaken = connection.session.submitTrailers(StatusFields.success, for: id)
        case .trailers(let fields): isTaken = connection.session.submitTrailers(fields, for: id)
        }
        return isTaken ? .lastBytes(count, isFollowedByTrailers: true) : .failed
    }

    /// Whether the call's deadline has passed.
    ///
    /// The connection's idea of the time is good enough until the deadline is near.
    final var isOverdue: Bool {
        guard let deadline, deadline <= connection.now + HTTP2Connection.tickLength else { return false }
        connection.now = .now()
        return deadline <= connection.now
    }

    /// Moves a part of the body to a buffer, and lets a waiting sender go on.
    final func moveBody(_ count: Int, to buffer: inout ByteBuffer) {
        outbound.move(count, to: &buffer)
        connection.waitingBytes -= count
        // The peer takes its answer, if slowly.
        if patience != nil, outbound.count > 0 { waitForPeer() }
        if outbound.count <= OutboundBody.lowWatermark { resumeSender(nil) }
    }

    /// Lets a waiting sender go on, with the error that the call ended with if it did.
    final func resumeSender(_ error: MicroError?) {
        guard let sender else { return }
        self.sender = nil
        sender.resume(returning: error)
    }
}
