internal import MicroDNS
internal import NIOCore

/// A question that is asked from time to time, at first often and later seldom (RFC 6762, 5.2).
struct AskSchedule {
    private static let firstInterval = TimeAmount.seconds(1)
    private static let longestInterval = TimeAmount.seconds(60)

    /// The name to ask for.
    let question: DNSName

    /// When to ask.
    private(set) var next: NIODeadline

    private var interval = Self.firstInterval

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
    /// The times are spread a little, so that many who began together don't ask together forever.
    ///
    /// - Parameter now: The time.
    mutating func advance(from now: NIODeadline) {
        next = now + interval + .nanoseconds(.random(in: 0...(interval.nanoseconds / 10)))
        interval = min(.nanoseconds(interval.nanoseconds * 2), Self.longestInterval)
    }
}
