internal import MicroCore
internal import MicroPluginKit

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

    private let entries = Broadcast<Ring<Entry>, Entry>(Ring(capacity: capacity))

    func add(_ entry: Entry) { entries.send(entry) { $0.append(entry) } }

    /// Returns the last records, the oldest first.
    ///
    /// - Parameters:
    ///   - limit: How many at most.
    ///   - since: Only those that are not older, in seconds since 1970.
    /// - Returns: The records.
    func last(_ limit: Int, since: Int64) -> [Entry] {
        entries.read { Self.last(limit, since: since, of: $0) }
    }

    /// Returns the last records, and those that follow.
    func follow(_ limit: Int, since: Int64) -> (last: [Entry], next: AsyncStream<Entry>) {
        var last: [Entry] = []
        let next = entries.listen(limit: Self.backlog) { entries in
            last = Self.last(limit, since: since, of: entries)
            return nil
        }
        return (last, next)
    }

    private static func last(_ limit: Int, since: Int64, of entries: Ring<Entry>) -> [Entry] {
        entries.elements.filter { $0.timestamp >= since }.suffix(limit)
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
