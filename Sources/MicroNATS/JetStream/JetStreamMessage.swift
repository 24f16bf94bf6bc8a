internal import MicroCore
public import NIOCore

/// A message that a consumer hands out, which waits to be acknowledged.
public struct JetStreamMessage: Sendable {
    /// The message.
    public let message: NATSMessage

    /// The stream.
    public let stream: String

    /// The consumer.
    public let consumer: String

    /// How often it has been handed out, this time included.
    public let deliveries: Int

    /// Its number in the stream.
    public let streamSequence: UInt64

    /// How many messages come behind it.
    public let pending: UInt64

    private let reply: String
    private let client: NATSClient

    /// The payload.
    public var payload: ByteBuffer { message.payload }

    /// Reads what the reply subject says: `$JS.ACK.stream.consumer.deliveries.seq.seq.time.pending`, where newer
    /// servers put a domain and an account's hash behind `ACK`.
    init?(_ message: NATSMessage, client: NATSClient) {
        guard let reply = message.reply else { return nil }
        let tokens = reply.split(separator: ".", omittingEmptySubsequences: false)
        let first: Int
        switch tokens.count {
        case 9: first = 2
        case 11...: first = 4
        default: return nil
        }
        guard tokens[0] == "$JS", tokens[1] == "ACK", let deliveries = Int(tokens[first + 2]),
            let sequence = UInt64(tokens[first + 3]), let pending = UInt64(tokens[first + 6]),
            // There is a number before the first delivery, and one behind the last message.
            deliveries > 0, sequence > 0, sequence < .max
        else { return nil }
        self.message = message
        self.reply = reply
        self.client = client
        stream = String(tokens[first])
        consumer = String(tokens[first + 1])
        self.deliveries = deliveries
        streamSequence = sequence
        self.pending = pending
    }

    /// Says that the message has been dealt with; it isn't handed out again.
    ///
    /// - Throws: A ``NATSError``; the message is then handed out again.
    public func acknowledge() async throws(NATSError) { try await tell("+ACK") }

    /// Asks for the message to be handed out again.
    ///
    /// - Parameter delay: After how long.
    /// - Throws: A ``NATSError``; the message is then handed out again when its time is up.
    public func refuse(after delay: Duration? = nil) async throws(NATSError) {
        guard let delay, delay > .zero else { return try await tell("-NAK") }
        try await tell("-NAK {\"delay\":\(delay.nanosecondsClamped)}")
    }

    /// Asks for more time.
    ///
    /// - Throws: A ``NATSError``.
    public func workOn() async throws(NATSError) { try await tell("+WPI") }

    /// Says that the message can't ever be dealt with; it isn't handed out again.
    ///
    /// - Throws: A ``NATSError``; the message is then handed out again.
    public func terminate() async throws(NATSError) { try await tell("+TERM") }

    private func tell(_ word: String) async throws(NATSError) {
        try await client.publish(ByteBuffer(string: word), to: reply)
    }
}
