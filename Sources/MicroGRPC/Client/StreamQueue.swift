import MicroCore

/// The calls of a connection that wait until the server allows another stream, in the order in which they
/// were made.
///
/// A call that ends before it is its turn is taken out at once. Its place is left empty, and empty places are
/// removed when they are most of all.
struct StreamQueue {
    /// A call that waits, and what its request's head is made of.
    struct Entry {
        let stream: ClientStream
        let head: CallHead
    }

    private var entries: [Entry?] = []
    private var first = 0

    /// The number of calls that wait.
    private(set) var count = 0

    /// Whether no call waits.
    var isEmpty: Bool { count == 0 }

    /// The calls that wait, in their order.
    var streams: [ClientStream] { entries[first...].compactMap { $0?.stream } }

    /// Puts a call behind those that wait.
    mutating func append(_ stream: ClientStream, _ head: CallHead) {
        if entries.count > 2 * count + 64 { removeEmptyPlaces() }
        stream.queuePosition = entries.count
        entries.append(Entry(stream: stream, head: head))
        count += 1
    }

    /// Takes the call out that has waited longest.
    mutating func removeFirst() -> Entry? {
        while first < entries.count {
            let entry = entries[first]
            entries[first] = nil
            first += 1
            guard let entry else { continue }
            removed(entry.stream)
            return entry
        }
        return nil
    }

    /// Takes a call out that is over; one that doesn't wait is no concern of the queue.
    mutating func remove(_ stream: ClientStream) {
        guard let position = stream.queuePosition else { return }
        entries[position] = nil
        removed(stream)
    }

    private mutating func removed(_ stream: ClientStream) {
        stream.queuePosition = nil
        count -= 1
        guard count == 0 else { return }
        entries = []
        first = 0
    }

    private mutating func removeEmptyPlaces() {
        let waiting = entries[first...].compactMap(\.self)
        entries = []
        first = 0
        for (position, entry) in waiting.enumerated() {
            entry.stream.queuePosition = position
            entries.append(entry)
        }
    }
}
