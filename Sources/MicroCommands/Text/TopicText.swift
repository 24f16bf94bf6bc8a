internal import MicroCore

/// A topic as it stands on a command line.
enum TopicText {
    /// Checks a topic before anything is sent.
    ///
    /// - Parameter text: The topic.
    /// - Throws: A failure that says what is wrong with it.
    static func check(_ text: String) throws(CommandFailure) {
        do {
            try TopicName.check(text)
        } catch {
            throw CommandFailure(error.detail.printable(), .usage)
        }
    }
}
