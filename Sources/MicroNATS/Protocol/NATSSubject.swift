/// The rules for the names to which messages are sent.
public enum NATSSubject {
    /// The most bytes of a subject, so that any control line fits into a server's limit.
    public static let maximumLength = 1024

    /// Returns whether a message can be sent to a subject: tokens parted by dots, none of them empty.
    ///
    /// - Parameter subject: The subject.
    /// - Returns: Whether it has no spaces, control characters, wildcards or empty tokens.
    public static func canPublish(to subject: String) -> Bool {
        isWellFormed(subject, wildcards: false)
    }

    /// Returns whether a subject can be subscribed to: `*` stands for a token, a final `>` for the rest.
    ///
    /// - Parameter subject: The subject.
    /// - Returns: Whether it is well-formed.
    public static func canSubscribe(to subject: String) -> Bool {
        isWellFormed(subject, wildcards: true)
    }

    private static func isWellFormed(_ subject: String, wildcards: Bool) -> Bool {
        var subject = subject
        return subject.withUTF8 { bytes in
            guard (1...maximumLength).contains(bytes.count) else { return false }
            var tokenLength = 0
            var wildcard: UInt8 = 0
            for byte in bytes {
                // Behind `>` nothing may come, and behind `*` only a dot.
                if byte == UInt8(ascii: ".") {
                    guard tokenLength > 0, wildcard != UInt8(ascii: ">") else { return false }
                    tokenLength = 0
                    wildcard = 0
                    continue
                }
                guard byte > 0x20, byte != 0x7F, wildcard == 0 || !wildcards else { return false }
                if byte == UInt8(ascii: "*") || byte == UInt8(ascii: ">") {
                    guard wildcards, tokenLength == 0 else { return false }
                    wildcard = byte
                }
                tokenLength += 1
            }
            return tokenLength > 0
        }
    }

    /// Returns whether text can name a queue, or a durable consumer.
    ///
    /// - Parameter queue: The text.
    /// - Returns: Whether it has no spaces or control characters.
    public static func isQueue(_ queue: String) -> Bool {
        (1...256).contains(queue.utf8.count) && queue.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
    }

    /// Checks a subject to publish to.
    static func checkPublish(_ subject: String) throws(NATSError) {
        guard !canPublish(to: subject) else { return }
        throw NATSError(
            .invalidSubject,
            "\(subject.debugDescription) can't be published to: a subject consists of tokens parted by dots, "
                + "without empty tokens, spaces or wildcards, and of at most \(maximumLength) bytes.")
    }

    /// Checks a subject to subscribe to.
    static func checkSubscribe(_ subject: String, queue: String?) throws(NATSError) {
        guard canSubscribe(to: subject) else {
            throw NATSError(
                .invalidSubject,
                "\(subject.debugDescription) can't be subscribed to: a subject consists of tokens parted by dots, "
                    + "without empty tokens or spaces, of which one may be * and the last one >.")
        }
        guard let queue, !isQueue(queue) else { return }
        throw NATSError(
            .invalidSubject,
            "The queue \(queue.debugDescription) can't be used: it is empty, too long, or has a space.")
    }
}

extension NATSSubject {
    /// Returns whether text can name a stream or a consumer.
    ///
    /// - Parameter name: The text.
    /// - Returns: Whether it is a single token, without slashes.
    public static func isToken(_ name: String) -> Bool {
        name.utf8.count <= 255 && canPublish(to: name) && !name.utf8.contains { ".*>/\\".utf8.contains($0) }
    }

    /// Returns whether all messages of one subject belong to another.
    ///
    /// - Parameters:
    ///   - pattern: A subject, perhaps with wildcards.
    ///   - subject: A subject, perhaps with wildcards.
    /// - Returns: Whether the pattern has everything that the subject has.
    public static func covers(_ pattern: String, _ subject: String) -> Bool {
        var rest = subject.split(separator: ".")[...]
        for token in pattern.split(separator: ".") {
            if token == ">" { return !rest.isEmpty }
            guard let next = rest.popFirst(), next != ">", token == "*" || token == next else { return false }
        }
        return rest.isEmpty
    }
}
