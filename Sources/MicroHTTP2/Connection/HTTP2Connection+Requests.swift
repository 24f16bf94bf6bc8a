import NIOCore

// The streams that a client opens. Those for which the server has no room at present wait here: nghttp2 would queue
// them, too, but without a bound, and would keep those that have ended since.
extension HTTP2Connection {
    /// Why a request is not sent.
    package enum RequestFault {
        /// The head is longer than what can be sent.
        case headTooLong(Int, limit: Int)
        /// The numbers of the connection's streams are used up: it takes no more, and ends after those it has.
        case exhausted
    }

    /// Whether a stream can be opened now, and need not wait.
    package var hasFreeStream: Bool { queue.isEmpty && streams.count < peersStreamLimit }

    /// Opens a stream with a request.
    ///
    /// - Parameters:
    ///   - fields: The head.
    ///   - stream: The stream.
    ///   - hasBody: Whether a body follows, which the stream has or will get.
    /// - Returns: Why it can't be sent, if it can't.
    package func submit(
        _ fields: FieldBlock, for stream: HTTP2Stream, hasBody: Bool = true
    ) -> RequestFault? {
        let (size, limit) = (fields.listSize, session.headerListLimit)
        guard size <= limit else { return .headTooLong(size, limit: limit) }
        guard let id = session.submitRequest(fields, for: stream, hasBody: hasBody) else {
            leave()
            return .exhausted
        }
        stream.id = id
        insert(stream)
        setNeedsFlush()
        return nil
    }

    /// Lets a stream wait until it can be opened.
    ///
    /// - Returns: Whether it can wait: not too many do.
    package func enqueue(_ stream: HTTP2Stream) -> Bool {
        guard queue.count < limits.maximumQueuedStreams, waitingBytes <= limits.maximumWaitingBytes else {
            return false
        }
        stream.countWaiting()
        queue.append(stream)
        watchStarvation()
        return true
    }

    /// Takes a stream out of the queue that has ended.
    func withdraw(_ stream: HTTP2Stream) {
        queue.remove(stream)
        closeIfIdle()
    }

    /// Opens as many of the streams that wait as the server allows.
    func beginWaitingStreams() {
        time = .now()
        while !hasClosed, streams.count < peersStreamLimit, let stream = queue.removeFirst() {
            if stream.isOverdue { stream.deadlinePassed() } else { stream.turnCame() }
        }
        watchStarvation()
    }

    /// Sees to it that the connection is given up if the server allows no stream for too long.
    ///
    /// Where streams are open, one of them will end: the streams that wait have their own deadlines.
    private func watchStarvation() {
        guard !queue.isEmpty, streams.count == 0 else { return starvationDue = nil }
        guard starvationDue == nil, !hasClosed else { return }
        let due = time + TimeAmount(limits.starvationTimeout)
        starvationDue = due
        watchDeadline(due)
    }

    /// Ends the streams whose deadline has passed, and gives the connection up when it is time.
    func checkQueue() {
        let waiting = queue.streams
        for stream in waiting {
            if let due = stream.endDue, due <= time { stream.deadlinePassed() }
        }
        watchStarvation()
        if let starvationDue, starvationDue <= time { return giveUp() }
        for stream in waiting {
            if let due = stream.endDue, due > time { watchDeadline(due) }
        }
        if let starvationDue { watchDeadline(starvationDue) }
    }

    /// Leaves the connection for another: the requests that wait were surely not processed, so they may be made
    /// elsewhere.
    private func giveUp() {
        leave()
        failWaitingStreams(
            "The server has allowed no call on this connection for \(limits.starvationTimeout).")
    }

    /// Ends the streams that wait.
    func failWaitingStreams(_ reason: String) {
        for stream in queue.streams { stream.failedUnsent(reason) }
    }
}
