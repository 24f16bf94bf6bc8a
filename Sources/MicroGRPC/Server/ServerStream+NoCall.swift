import CNghttp2
import MicroCore

// Requests that are no calls, or no good HTTP.
extension ServerStream {
    /// Answers a request that isn't a gRPC call (gRPC over HTTP/2, "Requests").
    ///
    /// One that says how long it is is read first, unless it is long: it may be malformed.
    func refuse(_ answer: TextAnswer, endsStream: Bool) {
        phase = .finished
        isHeadSent = true
        textAnswer = answer
        if !endsStream, let awaitedBytes, awaitedBytes <= server.limits.streamWindow { return waitForPeer() }
        if awaitedBytes.map({ !endsStream || $0 == 0 }) ?? true { sendText() }
    }

    func sendText() {
        guard let answer = textAnswer else { return }
        textAnswer = nil
        // The client must take it in time.
        waitForPeer()
        if let body = answer.body { append(text: body) }
        server.session.submitResponse(answer.head, for: self, hasBody: answer.body != nil)
        server.setNeedsFlush()
    }

    /// Records that an answer that is a text is on the wire.
    func textSent() { answered() }

    func trailersEnded(endsStream: Bool) {
        let rules = server.trailerRules
        guard endsStream else { return end(malformed: "trailers that do not end the request") }
        guard let violation = rules.violation ?? (isExcused ? nil : rules.leniency) else { return }
        end(malformed: violation)
    }

    /// Resets a request that breaks a rule of HTTP.
    func end(malformed violation: RequestRules.Violation, path: String? = nil) {
        guard !isClosed else { return }
        let path = path ?? accepted?.head.path ?? ""
        phase = .finished
        isHeadSent = true
        accepted = nil
        request = nil
        textAnswer = nil
        awaitedBytes = nil
        deadline = nil
        let error = MicroError(.internal, "The request is malformed: it has \(violation).")
        inbox.finish(.failure(error))
        releaseUnread()
        dropOutbound()
        server.session.reset(id, NGHTTP2_PROTOCOL_ERROR)
        server.setNeedsFlush()
        server.reportMalformed(violation, path: path)
        resumeSender(error)
        task?.cancel()
    }
}
