import MicroCore
import SwiftProtobuf

/// Bytes that SwiftProtobuf writes into, with the headroom of `EncodedMessage` in front.
///
/// SwiftProtobuf finds out how long a message is, asks for that many bytes, and fills them: the
/// headroom comes with the same allocation.
struct HeadedBytes: SwiftProtobufContiguousBytes {
    private static let headroom = EncodedMessage.headroom

    /// The headroom and the bytes behind it.
    private(set) var storage: [UInt8]

    init(repeating byte: UInt8, count: Int) {
        storage = [UInt8](repeating: byte, count: Self.headroom + count)
    }

    init<Bytes: Sequence>(_ bytes: Bytes) where Bytes.Element == UInt8 {
        storage = []
        storage.reserveCapacity(Self.headroom + bytes.underestimatedCount)
        storage.append(contentsOf: repeatElement(0, count: Self.headroom))
        storage.append(contentsOf: bytes)
    }

    var count: Int { storage.count - Self.headroom }

    // Both hand out the part of the array's own buffer behind the headroom, which the array always
    // has, for the duration of the closure.

    func withUnsafeBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try storage.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[Self.headroom...])) }
    }

    mutating func withUnsafeMutableBytes<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try storage.withUnsafeMutableBytes {
            try body(UnsafeMutableRawBufferPointer(rebasing: $0[Self.headroom...]))
        }
    }
}
