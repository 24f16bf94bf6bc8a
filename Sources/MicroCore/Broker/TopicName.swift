/// The rules for topics that all of our brokers share.
///
/// What one broker takes the others take as well, so that a program may change its broker.
package enum TopicName {
    /// The greatest number of bytes of a topic.
    package static let limit = 255

    /// Checks the name of a topic or queue.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - what: What it is the name of: `topic` or `queue`.
    /// - Throws: A ``MicroError`` with the status `invalidArgument` that says what is wrong.
    package static func check(_ name: String, what: String = "topic") throws(MicroError) {
        let problem: String? =
            if name.isEmpty {
                "is empty"
            } else if name.utf8.count > limit {
                "has \(name.utf8.count) bytes, and may have \(limit)"
            } else if name.unicodeScalars.contains(where: { $0.value <= 0x20 || $0.value == 0x7F }) {
                "has a space or a control character"
            } else if name.contains("*") || name.contains(">") {
                "has one of the wildcards * and >"
            } else if name.split(separator: ".", omittingEmptySubsequences: false).contains("") {
                "has an empty part between its dots"
            } else {
                nil
            }
        guard let problem else { return }
        throw MicroError(
            .invalidArgument, "The \(what) \(Self.quoted(name)) \(problem).", processed: .no)
    }

    private static func quoted(_ name: String) -> String { "\(name.prefix(100).debugDescription)" }
}
