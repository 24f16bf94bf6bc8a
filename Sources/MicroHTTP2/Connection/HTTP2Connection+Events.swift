import CNghttp2
import NIOCore

// What nghttp2 reports.
extension HTTP2Connection {
    // MARK: Header blocks

    /// Records that the head of a request begins.
    func requestBegan(streamID: Int32) {
        let isTaken = hasRoom
        blockBegan(isTaken ? .request : .ignored, nil)
        guard !isTaken else { return }
        // Its frames mean nothing to us from here on.
        session.reset(streamID, .refusedStream)
        floodGuard.streamWasted()
    }

    /// Whether one more request can be taken on.
    private var hasRoom: Bool {
        streams.count < limits.maximumConcurrentStreams && waitingBytes <= limits.maximumWaitingBytes
            && server?.hasRoom ?? false
    }

    /// Records that trailers begin, or the head of an answer.
    func headersBegan(for stream: HTTP2Stream?) {
        blockBegan(stream == nil ? .ignored : .other, stream)
    }

    private func blockBegan(_ kind: HeaderBlock.Kind, _ stream: HTTP2Stream?) {
        // A block that was malformed never ended.
        discardBlock()
        scratch.head.removeAll(keepingCapacity: true)
        block.kind = kind
        block.stream = stream
        block.size = 0
        block.isTooLong = false
    }

    /// Forgets the header block that is being read, if there is one.
    private func discardBlock() {
        guard block.kind != .ignored else { return }
        if block.kind == .request { server?.discardHead() }
        block = HeaderBlock()
        requests?.rules.reset()
    }

    /// Takes a field of the header block that is being read.
    func fieldReceived(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        let fits = countField(name.count + value.count)
        guard let borrowedRequests else {
            block.stream?.fieldReceived(FieldName.of(name), name: name, value: value)
            return
        }
        guard fits else { return }
        switch block.kind {
        case .request: borrowedRequests._withUnsafeGuaranteedRef { $0.headReceived(name, value, scratch) }
        case .other: requests?.trailerReceived(name, value, for: block.stream)
        case .ignored: return
        }
    }

    /// Counts a field of the header block that is being read, whether or not anybody reads it.
    ///
    /// A few bytes can stand for a long field that was sent before, again and again, so it is the decoded
    /// size that counts.
    ///
    /// - Parameter size: The bytes of its name and value.
    /// - Returns: Whether the block so far is as short as it has to be.
    private func countField(_ size: Int) -> Bool {
        let before = block.size
        block.size = before + size + FieldBlock.fieldOverhead
        guard block.size > limits.maximumHeaderListSize else { return true }
        if before <= limits.maximumHeaderListSize { headersTooLong() }
        if block.size > max(limits.maximumHeaderListSize, 16 << 10) * FloodGuard.bombFactor {
            floodGuard.note(.headerBomb)
        }
        return false
    }

    private func headersTooLong() {
        block.isTooLong = true
        guard let server else { return }
        floodGuard.streamWasted()
        if block.kind == .request { server.headTooLong() }
        if let stream = block.stream {
            stream.isWasteful = true
            stream.trailersTooLong()
        }
    }

    /// Records that the head of a request is complete.
    func requestEnded(streamID: Int32, endsStream: Bool) {
        guard block.kind == .request, let requests else { return }
        block.kind = .ignored
        let stream = requests.delegate.makeStream(on: self)
        stream.id = streamID
        stream.isWasteful = block.isTooLong
        insert(stream)
        session.setStream(stream, for: streamID)
        if let violation = violation(by: stream, requests.rules) {
            endMalformed(stream, violation)
        } else {
            stream.requestReceived(endsStream: endsStream)
        }
        if endsStream { bodyEnded(for: stream) }
    }

    /// Returns what makes the request malformed whose head was read, if anything does.
    private func violation(by stream: HTTP2Stream, _ rules: RequestRules) -> RequestViolation? {
        defer { rules.reset() }
        // What a head that was not read to its end would have been is not known.
        guard !block.isTooLong else { return nil }
        rules.headEnded()
        if !stream.isExcused { stream.awaitedBytes = rules.contentLength }
        return rules.violation(isExcused: stream.isExcused)
    }

    /// Records that trailers, or the head of an answer, are complete.
    func headersEnded(for stream: HTTP2Stream?, endsStream: Bool) {
        block.kind = .ignored
        block.stream = nil
        defer { requests?.rules.reset() }
        guard let stream else { return }
        if let rules = requests?.rules {
            if !endsStream {
                endMalformed(stream, "trailers that do not end the request")
            } else if let violation = rules.violation(isExcused: stream.isExcused) {
                endMalformed(stream, violation)
            }
        } else {
            stream.headersReceived(endsStream: endsStream)
        }
        if endsStream { bodyEnded(for: stream) }
    }

    /// Resets a request that breaks a rule of HTTP.
    private func endMalformed(_ stream: HTTP2Stream, _ violation: RequestViolation) {
        guard !stream.isClosed else { return }
        stream.awaitedBytes = nil
        stream.endDue = nil
        stream.dropOutbound()
        stream.reset(.protocolError)
        stream.malformed(violation)
    }

    // MARK: Bodies

    /// Takes a part of a stream's body.
    func bodyReceived(_ bytes: UnsafeRawBufferPointer, inLastFrame: Bool, for stream: HTTP2Stream?) {
        session.consumeConnection(bytes.count)
        guard let stream else { return }
        if let awaited = stream.awaitedBytes {
            stream.awaitedBytes = awaited - Int64(bytes.count)
            if awaited < bytes.count {
                endMalformed(stream, "a body that is longer than its content-length")
            }
        }
        stream.bodyReceived(bytes, inLastFrame: inLastFrame)
    }

    /// Records that the peer has ended its side of a stream.
    func bodyEnded(for stream: HTTP2Stream) {
        guard !stream.hasPeerEnded else { return }
        stream.hasPeerEnded = true
        if let awaited = stream.awaitedBytes, awaited != 0 {
            return endMalformed(stream, "a body that is shorter than its content-length")
        }
        stream.bodyEnded()
    }

    /// Writes a part of a stream's body behind what is to be sent.
    func writeBody(of stream: HTTP2Stream, frameHead: UnsafeRawBufferPointer, count: Int) {
        floodGuard.dataSent()
        scratch.output.writeBytes(frameHead)
        stream.moveBody(count, to: &scratch.output)
    }

    // MARK: What was sent

    /// Records that a head or trailers of ours are on their way.
    func headersSent(of stream: HTTP2Stream, endsStream: Bool) {
        stream.headersSent()
        if endsStream, isServer { answered(stream) }
    }

    /// Records that a frame of ours has ended a stream's body.
    func bodySent(streamID: Int32) {
        guard isServer else { return }
        for stream in streams.all where stream.id == streamID { return answered(stream) }
    }

    private func answered(_ stream: HTTP2Stream) {
        stream.isAnswered = true
        // A client that has not ended its request is told that nobody reads the rest (RFC 9113,
        // section 8.1).
        if !stream.hasPeerEnded { session.reset(stream.id, .noError) }
    }

    /// Sees to it that fields that were not sent are not missed in silence.
    func headersNotSent(for stream: HTTP2Stream?, code: CInt) {
        switch nghttp2_error(code) {
        case NGHTTP2_ERR_STREAM_CLOSED, NGHTTP2_ERR_STREAM_CLOSING, NGHTTP2_ERR_STREAM_SHUT_WR,
            NGHTTP2_ERR_SESSION_CLOSING, NGHTTP2_ERR_START_STREAM_NOT_ALLOWED:
            // The stream or the connection ended meanwhile, which its owner learns in another way.
            return
        case NGHTTP2_ERR_HEADER_COMP:
            // The peer's table of fields is not ours any more.
            session.terminate(.internalError)
        default:
            guard let stream else { return }
            if isServer { session.reset(stream.id, .internalError) }
            stream.headersNotSent(String(cString: nghttp2_strerror(code)))
        }
    }

    // MARK: The end of streams, and the connection

    /// Records that a stream is gone.
    func streamClosed(_ stream: HTTP2Stream, code: UInt32) {
        streams.remove(stream)
        // nghttp2 does not report the end of a head that it found malformed.
        if block.stream === stream { discardBlock() }
        session.setStream(nil, for: stream.id)
        if isServer { settleAccount(of: stream) }
        stream.hasClosed = true
        stream.stallDue = nil
        stream.closed(.reset(HTTP2ErrorCode(rawValue: code)))
        stream.dropOutbound()
        if !isServer { useFreePlace() }
    }

    /// Opens a stream that waits in place of one that is gone, or closes if it was the last.
    private func useFreePlace() {
        if !queue.isEmpty { beginWaitingStreams() }
        closeIfIdle()
    }

    private func settleAccount(of stream: HTTP2Stream) {
        if stream.isAnswered, !stream.isWasteful {
            floodGuard.streamCompleted()
        } else if time - stream.begin < resetGrace {
            floodGuard.streamWasted()
        }
    }

    /// Records that the peer goes away; a client that does opens no more streams, which concerns nobody.
    func goAwayReceived() {
        guard !isServer else { return }
        leave()
        failWaitingStreams("The server takes no more calls on this connection.")
    }

    /// Records that our GOAWAY is on its way, which says what is wrong if nghttp2 found something.
    func goAwaySent(code: UInt32, detail: String) {
        let code = HTTP2ErrorCode(rawValue: code)
        guard code != .noError else { return }
        peersFault =
            "The peer broke the rules of HTTP/2: \(code.name)\(detail.isEmpty ? "" : ", \(detail)")."
    }

    /// Records the peer's settings, or its answer to ours.
    func settingsReceived(isAcknowledgement: Bool) {
        if isAcknowledgement {
            greeting.acknowledgement = false
        } else {
            greeting.settings = false
            peersStreamLimit = session.peersStreamLimit
            if !queue.isEmpty { beginWaitingStreams() }
        }
        if !greeting.settings, !greeting.acknowledgement { greetingDue = nil }
    }
}
