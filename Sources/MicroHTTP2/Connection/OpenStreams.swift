/// The streams of a connection that are open, in no order.
///
/// It inserts and removes in one function each, and so in one access of the connection's state.
struct OpenStreams {
    private(set) var all: [HTTP2Stream] = []

    var count: Int { all.count }

    /// Takes a stream in.
    mutating func insert(_ stream: HTTP2Stream) {
        stream.position = all.count
        all.append(stream)
    }

    /// Takes a stream out, if it is there.
    mutating func remove(_ stream: HTTP2Stream) {
        let position = stream.position
        guard all.indices.contains(position), all[position] === stream else { return }
        let last = all.removeLast()
        if last !== stream {
            last.position = position
            all[position] = last
        }
    }

    /// Takes all streams out.
    mutating func removeAll() -> [HTTP2Stream] {
        defer { all = [] }
        return all
    }
}
