internal import MicroNATS

/// The names of the streams and consumers that the broker makes.
///
/// JetStream's names can't have the dots and slashes of topics and queues. What replaces them makes a name
/// ambiguous, so it ends in a digest of what it stands for: no two topics share a stream, and no two
/// subscriptions a consumer, unless they are meant to.
enum JetStreamNames {
    /// Who shares a consumer.
    enum Owner: Hashable {
        /// The members of a queue.
        case queue(String)

        /// A subscription without a queue, under the configured durable name.
        case durable(String)

        /// A subscription without a queue and without a name, which ends with its process.
        case process(UInt64)
    }

    /// The most bytes of the readable part; JetStream takes names of 255 bytes.
    private static let readableLimit = 200

    /// Returns the name of a topic's own stream: the topic itself if that can be a name.
    static func stream(_ topic: String) -> String {
        NATSSubject.isToken(topic) ? topic : named(topic, ["stream", topic])
    }

    /// Returns the name of the consumer of a topic.
    static func consumer(of topic: String, for owner: Owner) -> String {
        switch owner {
        case .queue(let queue): named("\(queue)_\(topic)", ["queue", queue, topic])
        case .durable(let name): named("\(name)_\(topic)", ["durable", name, topic])
        case .process(let number): named("micro-\(number)_\(topic)", ["process", "\(number)", topic])
        }
    }

    /// Returns the name that versions without the digest gave to a consumer, which several owners could
    /// share; `nil` if its owner has none that lasts.
    static func formerConsumer(of topic: String, for owner: Owner) -> String? {
        switch owner {
        case .queue(let name), .durable(let name): token("\(name)_\(topic)")
        case .process: nil
        }
    }

    private static func named(_ readable: String, _ parts: [String]) -> String {
        // A topic or queue has no control characters, so the separator can't be part of one.
        let digest = Digest.sha256(parts.joined(separator: "\0").utf8)
        let suffix = digest.prefix(8).map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0" + digits : digits
        }
        var start = Substring(token(readable))
        while start.utf8.count > readableLimit { start.removeLast() }
        return "\(start)-\(suffix.joined())"
    }

    private static func token(_ name: String) -> String {
        let characters = name.unicodeScalars.map { scalar in
            switch scalar {
            case ".": "_"
            case "/", "\\", "*", ">": "-"
            default: String(scalar)
            }
        }
        return characters.joined()
    }
}
