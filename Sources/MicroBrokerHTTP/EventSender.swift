import Logging
import MicroCore
import MicroHTTP1
import MicroPluginKit
import MicroWire

/// Sends an event to the subscribers that get it, again where that is right, and reports what came of it.
struct EventSender: Sendable {
    /// How many subscribers are sent to at once.
    private static let width = 64

    /// The longest that a subscriber may have us wait before the event is sent again.
    private static let longestPause = Duration.seconds(30)

    let client: HTTP1Client
    let receivers: Receivers
    let configuration: HTTPBroker.Configuration

    /// The clock on which the pauses between attempts pass.
    let clock: any Clock<Duration>

    /// Why a subscriber did not get an event.
    private struct Loss: Sendable {
        let receiver: BrokerRecord.Receiver
        let reason: String

        /// Whether the subscriber can't read such events, which is the publisher's affair.
        var isUnreadable = false
    }

    /// What came of one request.
    fileprivate enum Answer {
        case taken
        /// The subscription has ended.
        case gone
        /// The subscriber can't be reached, or is ending: surely nobody has handled the event.
        case notThere(String)
        /// It has refused the event, and may take it later.
        case refused(String, after: Duration?)
        /// It may have handled the event.
        case unclear(String)
        /// It can't read the event, whose content type or encoding it does not know.
        case unreadable(String)
        /// It will never take the event.
        case hopeless(String)
    }

    /// Sends an event to one member of each group.
    ///
    /// - Throws: `invalidArgument` if a subscriber can't read the event, and `unavailable` if nobody took it or
    ///   one that must have it did not.
    func send(_ envelope: [UInt8], topic: String, to groups: [[BrokerRecord.Receiver]]) async throws {
        var losses: [Loss] = []
        await withTaskGroup(of: Loss?.self) { tasks in
            for (number, group) in groups.enumerated() {
                if number >= Self.width, let loss = await tasks.next() ?? nil { losses.append(loss) }
                // One subscriber or queue; it ends with the answer, or when the bounded retries are spent.
                tasks.addTask { await self.send(envelope, to: group) }
            }
            for await case let loss? in tasks { losses.append(loss) }
        }
        try Task.checkCancellation()
        for loss in losses {
            Logger.current.warning(
                "A subscriber did not get an event.",
                metadata: [
                    LogKeys.topic: "\(topic)", LogKeys.address: "\(loss.receiver.address.printableAddress())",
                    LogKeys.error: "\(loss.reason.printable())",
                ])
        }
        if let loss = losses.first(where: \.isUnreadable) {
            throw MicroError(.invalidArgument, loss.reason, id: "go.micro.broker")
        }
        guard let first = losses.first(where: { $0.receiver.delivery == .atLeastOnce }) ?? losses.first,
            losses.count == groups.count || first.receiver.delivery == .atLeastOnce
        else { return }
        throw MicroError(
            .unavailable,
            "\(losses.count) of \(groups.count) subscribers of \"\(topic)\" did not get the event; "
                + "\(first.receiver.address.printableAddress()): \(first.reason.printable())",
            id: "go.micro.broker")
    }

    /// Sends an event to one of the members of a queue, or to the one subscription without a queue.
    private func send(_ envelope: [UInt8], to members: [BrokerRecord.Receiver]) async -> Loss? {
        var candidates = members
        var attempt = 1
        while let receiver = candidates.first {
            let answer = await request(envelope, receiver, attempt: attempt)
            let (reason, pause) = (answer.reason, answer.pause ?? Self.backoff.delay(attempt: attempt - 1))
            let isLast = attempt > configuration.retries || Task.isCancelled
            switch answer {
            case .taken:
                return nil
            case .gone,
                .notThere where candidates.count > 1:
                receivers.forget(receiver)
                candidates.removeFirst()
                continue
            case .notThere, .refused:
                if isLast { return Loss(receiver: receiver, reason: reason) }
            case .unclear:
                if isLast || receiver.delivery == .atMostOnce {
                    return Loss(receiver: receiver, reason: reason)
                }
            case .hopeless:
                return Loss(receiver: receiver, reason: reason)
            case .unreadable:
                return Loss(receiver: receiver, reason: reason, isUnreadable: true)
            }
            attempt += 1
            try? await clock.sleep(for: min(pause, Self.longestPause))
        }
        return nil
    }

    private static let backoff = ExponentialBackoff(
        first: .milliseconds(100), longest: longestPause, jitter: 0.8...1.2)

    private func request(_ envelope: [UInt8], _ receiver: BrokerRecord.Receiver, attempt: Int) async -> Answer
    {
        // What a registry says can't turn TLS off.
        guard receiver.isSecure == (configuration.tls != nil) else {
            return .hopeless(
                receiver.isSecure
                    ? "it wants TLS; set MICRO_TLS_CA" : "it has no TLS, which is set up here")
        }
        var request = HTTP1Request(
            method: "POST", target: "/?id=" + QueryText.escape(receiver.key.id),
            headers: ["User-Agent": "swift-micro", "Content-Type": "application/json"], body: envelope)
        if attempt > 1 { request.headers[AttemptField.name] = "\(attempt)" }
        do {
            let response = try await client.send(
                request, to: receiver.address, as: .service(BrokerRecord.service),
                timeout: configuration.timeout)
            return Answer(response)
        } catch {
            return error.isSent ? .unclear(error.reason) : .notThere(error.reason)
        }
    }
}

extension EventSender.Answer {
    fileprivate init(_ response: HTTP1Response) {
        let text = "it answered \(response.status) \(StatusText.of(response.status))"
        let seconds = response.headers["Retry-After"].flatMap { Int($0) }
        switch response.status {
        case 200..<300: self = .taken
        case 404: self = .gone
        case 415: self = .unreadable((MicroError(json: response.body)?.detail ?? text).printable(limit: 500))
        case 503: self = .notThere(text)
        case 429, 500...: self = .refused(text, after: seconds.map { .seconds(max(0, min($0, 3600))) })
        default: self = .hopeless(text)
        }
    }

    fileprivate var reason: String {
        switch self {
        case .taken, .gone: ""
        case .notThere(let text), .refused(let text, _), .unclear(let text), .unreadable(let text),
            .hopeless(let text):
            text
        }
    }

    fileprivate var pause: Duration? { if case .refused(_, let pause) = self { pause } else { nil } }
}
