import MicroCore
import MicroHTTP2

// Requests that are no calls, or no good HTTP.
extension ServerStream {
    /// Answers a request that isn't a gRPC call (gRPC over HTTP/2, "Requests").
    ///
    /// One that says how long it is is read first, unless it is long: it may be malformed.
    func refuse(_ answer: TextAnswer, endsStream: Bool) {
        phase = .finished
        isHeadSent = true
        textAnswer = answer
        let length = contentLengthLeft
        if !endsStream, let length, length <= connection.limits.streamWindow { return watchStall() }
        if length.map({ !endsStream || $0 == 0 }) ?? true { sendText() }
    }

    func sendText() {
        guard let answer = textAnswer else { return }
        textAnswer = nil
        // The client must take it in time.
        watchStall()
        if let body = answer.body {
            append(Array(body.utf8))
            end(.stream)
        }
        respond(answer.head, hasBody: answer.body != nil)
    }

    /// Ends a request that breaks a rule of HTTP.
    func end(malformed violation: RequestViolation) {
        let path = phase == .head ? server.head.path : accepted?.head.path ?? ""
        if phase == .head { server.head.reset() }
        phase = .finished
        isHeadSent = true
        accepted = nil
        request = nil
        textAnswer = nil
        let error = MicroError(.internal, "The request is malformed: it has \(violation).")
        inbox.finish(.failure(error))
        releaseUnread()
        server.reportMalformed(violation, path: path)
        resumeSender(error)
        task?.cancel()
    }
}
