internal import Synchronization

/// The last records of the process's log, and who follows it.
///
/// Both are bounded: what is older is forgotten, and a follower that is slow misses records.
final class LogBuffer: Sendable {
    /// A line of the log.
    struct Entry: Sendable {
        /// Seconds since 1970.
        let timestamp: Int64

        /// Nanoseconds of the second.
        let nanoseconds: Int32
        let message: String
        let metadata: [String: String]
    }

    /// The one of the process, since the logging system is the process's, too.
    static let shared = LogBuffer()

    /// How many records are kept, as in go-micro.
    static let capacity = 1024

    /// How many records wait for a follower.
    private static let backlog = 256

    private struct Content {
        var entries = Ring<Entry>(capacity: LogBuffer.capacity)
        var nextFollower = 0
        var followers: [Int: AsyncStream<Entry>.Continuation] = [:]
    }

    private let content = Mutex(Content())

    func add(_ entry: Entry) {
        content.withLock { content in
            content.entries.append(entry)
            for follower in content.followers.values { follower.yield(entry) }
        }
    }

    /// Returns the last records, the oldest first.
    ///
    /// - Parameters:
    ///   - limit: How many at most.
    ///   - since: Only those that are not older, in seconds since 1970.
    /// - Returns: The records.
    func last(_ limit: Int, since: Int64) -> [Entry] {
        content.withLock { Self.last(limit, since: since, of: $0) }
    }

    /// Returns the last records, and those that follow.
    func follow(_ limit: Int, since: Int64) -> (last: [Entry], next: AsyncStream<Entry>) {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Entry.self, bufferingPolicy: .bufferingNewest(Self.backlog))
        let (number, last) = content.withLock { content in
            content.nextFollower += 1
            content.followers[content.nextFollower] = continuation
            return (content.nextFollower, Self.last(limit, since: since, of: content))
        }
        continuation.onTermination = { [self] _ in
            content.withLock { _ = $0.followers.removeValue(forKey: number) }
        }
        return (last, stream)
    }

    private static func last(_ limit: Int, since: Int64, of content: borrowing Content) -> [Entry] {
        content.entries.elements.filter { $0.timestamp >= since }.suffix(limit)
    }
}

/// The last few of many values.
struct Ring<Element: Sendable>: Sendable {
    private let capacity: Int
    private var storage: [Element] = []

    /// Where the oldest value is, once there is no room.
    private var oldest = 0

    init(capacity: Int) { self.capacity = max(1, capacity) }

    /// The values, the oldest first.
    var elements: [Element] { Array(storage[oldest...] + storage[..<oldest]) }

    mutating func append(_ element: Element) {
        if storage.count < capacity {
            storage.append(element)
        } else {
            storage[oldest] = element
            oldest = (oldest + 1) % capacity
        }
    }
}
