/// The streams of a client's connection that wait until the server allows another one, in the order in which they
/// came.
///
/// A stream that ends before it is its turn is taken out at once. Its place is left empty, and empty places are
/// removed when they are most of all.
struct StreamQueue {
    private var entries: [HTTP2Stream?] = []
    private var first = 0

    /// The number of streams that wait.
    private(set) var count = 0

    /// Whether no stream waits.
    var isEmpty: Bool { count == 0 }

    /// The streams that wait, in their order.
    var streams: [HTTP2Stream] { entries[first...].compactMap(\.self) }

    /// Puts a stream behind those that wait.
    mutating func append(_ stream: HTTP2Stream) {
        if entries.count > 2 * count + 64 { removeEmptyPlaces() }
        stream.queuePosition = entries.count
        entries.append(stream)
        count += 1
    }

    /// Takes the stream out that has waited longest.
    mutating func removeFirst() -> HTTP2Stream? {
        while first < entries.count {
            let entry = entries[first]
            entries[first] = nil
            first += 1
            guard let entry else { continue }
            removed(entry)
            return entry
        }
        return nil
    }

    /// Takes a stream out that is over; one that doesn't wait is no concern of the queue.
    mutating func remove(_ stream: HTTP2Stream) {
        guard let position = stream.queuePosition else { return }
        entries[position] = nil
        removed(stream)
    }

    private mutating func removed(_ stream: HTTP2Stream) {
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
        for (position, stream) in waiting.enumerated() {
            stream.queuePosition = position
            entries.append(stream)
        }
    }
}
