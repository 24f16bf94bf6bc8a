public import MicroCore

/// How an event is published.
public struct PublishOptions: Sendable {
    /// What is sent along in the event's header.
    public var metadata: Metadata

    /// How the event is encoded, such as `json`; the first way that a linked codec offers if `nil`.
    public var contentSubtype: String?

    /// The event's id, the header field `Micro-Id`, by which subscribers and some brokers tell doubles.
    public var messageID: String?

    /// Creates options.
    ///
    /// - Parameters:
    ///   - metadata: What is sent along in the event's header.
    ///   - contentSubtype: How the event is encoded.
    ///   - messageID: The event's id.
    public init(metadata: Metadata = [:], contentSubtype: String? = nil, messageID: String? = nil) {
        self.metadata = metadata
        self.contentSubtype = contentSubtype
        self.messageID = messageID
    }
}
