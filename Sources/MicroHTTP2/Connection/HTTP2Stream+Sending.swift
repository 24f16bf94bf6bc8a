// What goes to the wire. Each of these may be called inside or outside of what the wire brings.
extension HTTP2Stream {
    /// How many bytes wait to be sent.
    package final var waitingCount: Int { outbound.count }

    /// Whether it is known what follows the body.
    package final var hasEnd: Bool { outbound.end != nil }

    /// Whether so much waits to be sent that one who has more should wait.
    package final var isBacklogged: Bool { outbound.count > OutboundBody.highWatermark }

    /// Whether the peer's windows let the stream send more of its body.
    package final var hasWindow: Bool { connection.session.hasRoom(on: id) }

    /// Answers with a head, and a body that ``append(_:)`` provides if it is to have one.
    package final func respond(_ head: FieldBlock, hasBody: Bool = true) {
        connection.session.submitResponse(head, for: self, hasBody: hasBody)
        connection.setNeedsFlush()
    }

    /// Answers with a head that needs no copy, and a body that ``append(_:)`` provides.
    package final func respond(_ head: PermanentFieldBlock) {
        connection.session.submitResponse(head, for: self)
        connection.setNeedsFlush()
    }

    /// Puts a part of the body behind what waits to be sent, which ``bodyChanged()`` sends.
    package final func append(_ bytes: consuming [UInt8]) {
        countAppended(bytes.count)
        outbound.append(bytes)
    }

    /// Says what follows the body, which ``bodyChanged()`` sends.
    package final func end(_ end: OutboundBody.End) { outbound.end = end }

    /// Tells nghttp2 of new bytes, or of the end, if it waits for them.
    package final func bodyChanged() {
        resumeBody()
        connection.setNeedsFlush()
    }

    /// Drops what waits to be sent, because the stream is over.
    package final func dropOutbound() {
        countAppended(-outbound.count)
        outbound.removeAll()
    }

    /// Ends the stream in both directions.
    package final func reset(_ code: HTTP2ErrorCode) {
        connection.session.reset(id, code)
        connection.setNeedsFlush()
    }

    /// Takes the stream out of those that wait to be opened.
    package final func withdraw() { connection.withdraw(self) }

    /// Opens the stream's window by bytes of the body that were used, or whose reader has gone.
    package final func openWindow(by count: Int) {
        guard count > 0, isOpen else { return }
        connection.session.consumeStream(id, count)
        if connection.session.wantsToSend { connection.setNeedsFlush() }
    }
}
