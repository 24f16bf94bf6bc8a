internal import Logging
internal import MicroCore
internal import NIOCore

/// Fetches the messages of one consumer, as many at a time as its reader wants.
///
/// One task uses it. Each request for messages ends after a while, or with the connection, and is then
/// followed by the next one; while it waits, the server is heard of regularly.
public final class JetStreamPuller {
    /// How long one request for messages waits.
    private static let expiry = Duration.seconds(30)

    /// How often an idle server says that it is there.
    private static let heartbeat = Duration.seconds(5)

    /// The stream.
    public let stream: String

    /// The consumer.
    public let consumer: String

    private let jetStream: JetStream
    private let subscription: NATSSubscription
    private let inbox: String
    private var outstanding = 0
    private var batch = CircularBuffer<NATSMessage>()

    /// Creates a puller.
    ///
    /// - Parameters:
    ///   - jetStream: The streams.
    ///   - stream: The stream.
    ///   - consumer: The consumer, which must be there.
    /// - Throws: A ``NATSError`` with the code `closed`.
    public init(_ jetStream: JetStream, stream: String, consumer: String) async throws(NATSError) {
        self.jetStream = jetStream
        self.stream = stream
        self.consumer = consumer
        inbox = "\(jetStream.client.configuration.inboxPrefix).\(NATSCore.uniqueToken())"
        var limits = NATSSubscription.Limits(overflow: .suspend)
        limits.tellsReconnects = true
        subscription = try await jetStream.client.subscribe(to: inbox, limits: limits)
    }

    /// Waits for the next message.
    ///
    /// - Parameter count: How many messages to ask the server for when none are on their way.
    /// - Returns: The message; `nil` if the task is cancelled or the client closed.
    /// - Throws: A ``NATSError`` with the code `jetStream` if the consumer isn't there any more.
    public func next(asking count: Int) async throws(NATSError) -> JetStreamMessage? {
        while true {
            while let message = batch.popFirst() {
                if let next = try await receive(message) { return next }
            }
            if outstanding == 0 { try await ask(max(count, 1)) }
            switch await subscription.take(within: Self.heartbeat * 2 + .seconds(1)) {
            case .messages(let messages): batch = CircularBuffer(messages)
            // The request was lost with the connection, or the server with it.
            case .reconnected, .timedOut: outstanding = 0
            case .cancelled, .ended(nil): return nil
            case .ended(let failure?): throw failure
            }
        }
    }

    /// Ends the requests that are on their way.
    public func stop() async {
        await subscription.unsubscribe()
    }

    private func ask(_ count: Int) async throws(NATSError) {
        outstanding = count
        let request =
            "{\"batch\":\(count),\"expires\":\(Self.expiry.nanosecondsClamped),"
            + "\"idle_heartbeat\":\(Self.heartbeat.nanosecondsClamped)}"
        let subject = "\(jetStream.apiPrefix).CONSUMER.MSG.NEXT.\(stream).\(consumer)"
        do throws(NATSError) {
            try await jetStream.client.publish(ByteBuffer(string: request), to: subject, reply: inbox)
        } catch {
            // It is asked for again once there is a connection.
            guard error.code == .bufferFull else { throw error }
        }
    }

    private func receive(_ message: NATSMessage) async throws(NATSError) -> JetStreamMessage? {
        if message.hasHeaders, message.payloadLength == 0, let status = message.status {
            try await receive(status)
            return nil
        }
        outstanding = max(outstanding - 1, 0)
        if let message = JetStreamMessage(message, client: jetStream.client) { return message }
        Logger.current.warning(
            "A message of JetStream can't be acknowledged, and is dropped: its reply subject isn't understood.",
            metadata: [
                "micro.nats.stream": "\(stream)", "micro.nats.consumer": "\(consumer)",
                "micro.nats.reply": "\((message.reply ?? "").printable(limit: 100))",
            ])
        return nil
    }

    private func receive(_ status: NATSStatus) async throws(NATSError) {
        switch status.code {
        case 100: return
        case 404, 408: outstanding = 0
        case 409 where status.text.lowercased().contains("deleted"): throw removed
        default:
            // JetStream isn't ready, too many ask, or there is no such consumer.
            outstanding = 0
            do {
                try await jetStream.clock.sleep(for: .milliseconds(250))
            } catch {
                throw NATSError.cancelled
            }
            if status.code == 503 { try await checkConsumer() }
        }
    }

    private func checkConsumer() async throws(NATSError) {
        do throws(NATSError) {
            guard try await jetStream.consumer(consumer, of: stream) == nil else { return }
        } catch {
            // As long as nobody knows, it may still be there.
            return
        }
        throw removed
    }

    private var removed: NATSError {
        NATSError(
            .jetStream, "The consumer \(consumer) of the stream \(stream) has been removed.", apiCode: 10014)
    }
}
