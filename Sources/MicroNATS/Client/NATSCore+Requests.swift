internal import MicroNIO
internal import NIOCore
internal import Synchronization

extension NATSCore {
    /// Sends a request and waits for its answer.
    nonisolated func request(
        _ payload: ByteBuffer, to subject: String, headers: [UInt8]?, timeout: Duration
    ) async -> Result<NATSMessage, NATSError> {
        let number = Self.numbers.wrappingAdd(1, ordering: .relaxed).newValue
        return await loop.suspend { continuation, isCancelled in
            self.assumeIsolated { core in
                if isCancelled { return continuation.resume(returning: .failure(.cancelled)) }
                if core.machine.isClosed { return continuation.resume(returning: .failure(.closed)) }
                core.begin(number, payload, subject, headers, timeout, continuation)
            }
        } onCancel: {
            self.assumeIsolated { core in
                core.requests.remove(number)?.0.resume(returning: .failure(.cancelled))
            }
        }
    }

    private func begin(
        _ number: UInt64, _ payload: ByteBuffer, _ subject: String, _ headers: [UInt8]?, _ timeout: Duration,
        _ continuation: RequestWaiter
    ) {
        if requests.subscription == nil {
            requests.subscription = add(inboxes + "*", queue: nil, inbox: nil)
        }
        let admission = outbox.add(
            payload, to: subject, reply: inboxes, headers: headers, request: number)
        if case .refused(let error) = admission { return continuation.resume(returning: .failure(error)) }
        let deadline = NIODeadline.now() + TimeAmount(timeout)
        if requests.add(number, continuation, deadline: deadline, subject: subject) { watchRequests() }
        guard case .takenAndIdle = admission else { return }
        // A request that nobody else's may follow is written at once. Those of many tasks share a write.
        if requests.count == 1 { return flush() }
        machine.flush(.soon)
        apply()
    }

    /// Looks for requests whose time is up when the first one's is.
    private func watchRequests() {
        requestTimer?.cancel()
        requestTimer = requests.deadline.map { deadline in
            loop.scheduleTask(deadline: deadline) { self.assumeIsolated { $0.expireRequests() } }
        }
    }

    private func expireRequests() {
        let expired = requests.expire(now: .now())
        watchRequests()
        for (continuation, subject) in expired {
            let error = NATSError(.timeout, "Nobody has answered the request to \(subject) in time.")
            continuation.resume(returning: .failure(error))
        }
    }

    /// Fails all requests that wait.
    func failRequests(_ error: NATSError) {
        let callers = requests.removeAll()
        watchRequests()
        for continuation in callers { continuation.resume(returning: .failure(error)) }
    }

    /// Fails the requests among messages that are larger than the server takes.
    func failRequests(of messages: [WaitingMessage], limit: Int) {
        for message in messages {
            // A request's reply subject ends in its number.
            guard let reply = message.reply, reply.hasPrefix(inboxes),
                let number = UInt64(reply.dropFirst(inboxes.count)),
                let (continuation, _) = requests.remove(number)
            else { continue }
            continuation.resume(returning: .failure(Outbox.tooLarge(message.size, limit)))
        }
    }

    /// Gives an answer to who waits for it.
    func answer(_ message: NATSMessage) {
        // The last token is the number of the request.
        var number: UInt64 = 0
        var scale: UInt64 = 1
        for byte in message.subjectBytes.reversed() {
            guard byte != UInt8(ascii: ".") else { break }
            number = number &+ scale &* UInt64(byte &- UInt8(ascii: "0"))
            scale = scale &* 10
        }
        guard let (continuation, subject) = requests.remove(number) else { return }
        if message.hasHeaders, message.payloadLength == 0, message.status?.code == 503 {
            let error = NATSError(.noResponders, "Nobody answers requests to \(subject).")
            return continuation.resume(returning: .failure(error))
        }
        continuation.resume(returning: .success(message))
    }
}
