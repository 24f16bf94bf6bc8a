/// A key, or a range of keys in the order of their bytes.
///
/// etcd writes a range as its first key and the key behind its last one (`key` and `range_end` of its
/// `RangeRequest`).
public struct EtcdKeyRange: Hashable, Sendable {
    /// The first key.
    public let start: [UInt8]

    /// The key behind the last; empty if the range is one key, and a zero byte if it has no end.
    public let end: [UInt8]

    /// Returns the keys from one up to another.
    ///
    /// - Parameters:
    ///   - start: The first key.
    ///   - end: The key behind the last.
    /// - Returns: The range; empty if the end isn't behind the start.
    public static func keys(from start: [UInt8], upTo end: [UInt8]) -> Self { Self(start: start, end: end) }

    /// Returns one key.
    ///
    /// - Parameter key: The key, which isn't empty.
    /// - Returns: The range.
    public static func key(_ key: [UInt8]) -> Self { Self(start: key, end: []) }

    /// Returns one key.
    ///
    /// - Parameter key: The key, which isn't empty.
    /// - Returns: The range.
    public static func key(_ key: String) -> Self { .key(Array(key.utf8)) }

    /// Returns the keys that begin with some bytes.
    ///
    /// The key behind the last is the prefix with its last byte one higher; a byte of 255 has none behind it,
    /// so the one before it counts (`RangeRequest.range_end` in etcd's API).
    ///
    /// - Parameter prefix: What they begin with; all keys if it is empty.
    /// - Returns: The range.
    public static func prefix(_ prefix: [UInt8]) -> Self {
        guard !prefix.isEmpty else { return .all }
        guard let last = prefix.lastIndex(where: { $0 < .max }) else { return Self(start: prefix, end: [0]) }
        return Self(start: prefix, end: prefix[..<last] + [prefix[last] + 1])
    }

    /// Returns the keys that begin with a text.
    ///
    /// - Parameter prefix: What they begin with; all keys if it is empty.
    /// - Returns: The range.
    public static func prefix(_ prefix: String) -> Self { .prefix(Array(prefix.utf8)) }

    /// All keys.
    public static var all: Self { Self(start: [0], end: [0]) }

    /// Returns whether a key is in the range.
    ///
    /// - Parameter key: The key.
    /// - Returns: Whether it is.
    public func contains(_ key: [UInt8]) -> Bool {
        if end.isEmpty { return key == start }
        return !key.lexicographicallyPrecedes(start) && (end == [0] || key.lexicographicallyPrecedes(end))
    }
}
