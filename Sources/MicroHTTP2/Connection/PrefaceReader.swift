/// Reads what a client begins with (RFC 9113, section 3.4).
struct PrefaceReader {
    /// What the bytes so far show.
    enum Finding {
        /// Nothing for sure.
        case open
        /// That the client is not one of HTTP/1.x, so that it can be greeted.
        case notHTTP1
        /// The whole preface has come, or it never will.
        case decided
        /// The client speaks HTTP/1.x.
        case http1
    }

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// Behind how many bytes a preface can be no request of HTTP/1.x.
    private static let tellingCount = "PRI ".utf8.count

    /// How many bytes of the preface have come.
    private var count = 0

    /// Looks at bytes that came.
    mutating func read(_ bytes: UnsafeRawBufferPointer) -> Finding {
        let wanted = Self.preface.dropFirst(count)
        let matching = zip(bytes, wanted).prefix { $0 == $1 }.count
        let isForeign = matching < min(bytes.count, wanted.count)
        if isForeign, count < Self.tellingCount, count > 0 || Self.isHTTP1(bytes) { return .http1 }
        count += matching
        if isForeign || count == Self.preface.count { return .decided }
        return count >= Self.tellingCount ? .notHTTP1 : .open
    }

    /// Whether the first bytes of a connection may be a request of HTTP/1.x, which begins with the name of a method.
    private static func isHTTP1(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.first.map { $0 &- 0x41 < 26 } ?? false
    }
}
