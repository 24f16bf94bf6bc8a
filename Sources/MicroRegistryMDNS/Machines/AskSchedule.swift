internal import MicroDNS
internal import MicroPluginKit
internal import NIOCore

/// A question that is asked from time to time, at first often and later seldom (RFC 6762, 5.2).
struct AskSchedule {
    /// The name to ask for.
    let question: DNSName

    /// When to ask.
    private(set) var next: NIODeadline

    /// The times are spread a little, so that many who began together don't ask together forever.
    private var intervals = ExponentialBackoff(first: .seconds(1), longest: .seconds(60), jitter: 1...1.1)

    /// Creates the schedule of a question that has just been asked.
    ///
    /// - Parameters:
    ///   - question: The name to ask for.
    ///   - now: The time.
    init(question: DNSName, now: NIODeadline) {
        self.question = question
        next = now
        advance(from: now)
    }

    /// Goes on to the next time.
    ///
    /// - Parameter now: The time.
    mutating func advance(from now: NIODeadline) { next = now + TimeAmount(intervals.next()) }
}
