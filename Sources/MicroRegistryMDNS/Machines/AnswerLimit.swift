internal import NIOCore

/// Bounds how much anybody makes us send, so that nobody can aim us at somebody else.
///
/// The address of a datagram is easily forged, and an answer is many times as large as its question.
struct AnswerLimit {
    /// The most bytes of answers to one address in a second.
    ///
    /// One answer may have up to 64 KiB; those of common services have one or two.
    private let maximumBytesPerSource: Int

    /// The most bytes of answers in a second.
    private let maximumBytes: Int

    /// The most addresses that get answers in a second.
    private let maximumSources: Int

    private var counts: [String: Int] = [:]
    private var total = 0
    private var windowEnd = NIODeadline.uptimeNanoseconds(0)

    /// Creates a limit.
    ///
    /// - Parameters:
    ///   - maximumBytesPerSource: The most bytes of answers to one address in a second.
    ///   - maximumBytes: The most bytes of answers in a second.
    ///   - maximumSources: The most addresses that get answers in a second.
    init(
        maximumBytesPerSource: Int = 1 << 20, maximumBytes: Int = 8 << 20, maximumSources: Int = 1024
    ) {
        self.maximumBytesPerSource = maximumBytesPerSource
        self.maximumBytes = maximumBytes
        self.maximumSources = maximumSources
    }

    /// Counts an answer.
    ///
    /// - Parameters:
    ///   - size: The bytes of the answer.
    ///   - source: The address that gets it.
    ///   - now: The time.
    /// - Returns: Whether it may be sent.
    mutating func allows(_ size: Int, to source: String, now: NIODeadline) -> Bool {
        if windowEnd <= now {
            counts.removeAll(keepingCapacity: true)
            total = 0
            windowEnd = now + .seconds(1)
        }
        let count = counts[source] ?? 0
        guard count + size <= maximumBytesPerSource, total + size <= maximumBytes,
            count > 0 || counts.count < maximumSources
        else { return false }
        counts[source] = count + size
        total += size
        return true
    }
}
