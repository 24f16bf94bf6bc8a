internal import NIOCore

/// Bounds how many packets anybody makes us send, so that nobody can aim us at somebody else.
///
/// The address of a datagram is easily forged, and an answer is many times as large as its question.
struct AnswerLimit {
    /// The most answers to one address in a second.
    private let maximumAnswers: Int

    /// The most addresses that get answers in a second.
    private let maximumSources: Int

    private var counts: [String: Int] = [:]
    private var windowEnd = NIODeadline.uptimeNanoseconds(0)

    /// Creates a limit.
    ///
    /// - Parameters:
    ///   - maximumAnswers: The most answers to one address in a second.
    ///   - maximumSources: The most addresses that get answers in a second.
    init(maximumAnswers: Int = 1000, maximumSources: Int = 1024) {
        self.maximumAnswers = maximumAnswers
        self.maximumSources = maximumSources
    }

    /// Counts an answer.
    ///
    /// - Parameters:
    ///   - source: The address that gets it.
    ///   - now: The time.
    /// - Returns: Whether it may be sent.
    mutating func allows(_ source: String, now: NIODeadline) -> Bool {
        if windowEnd <= now {
            counts.removeAll(keepingCapacity: true)
            windowEnd = now + .seconds(1)
        }
        let count = counts[source] ?? 0
        guard count < maximumAnswers, count > 0 || counts.count < maximumSources else { return false }
        counts[source] = count + 1
        return true
    }
}
