/// The encoded bytes of one message, with room in front for a transport's framing.
///
/// A coder writes behind the headroom and a transport fills the headroom in place, so a message is
/// allocated once on its way to the socket. On the way in, a transport leaves its own prefix there.
public struct EncodedMessage: Sendable {
    /// The number of bytes that stay free in front of the payload: a gRPC frame's prefix.
    public static let headroom = 5

    /// The headroom and the payload behind it; never shorter than ``headroom``.
    package private(set) var storage: [UInt8]

    /// The number of bytes of the payload.
    public var count: Int { storage.count - Self.headroom }

    /// Whether the payload is empty, which for Protobuf is a message with no field set.
    public var isEmpty: Bool { count == 0 }

    /// Creates a message of no bytes.
    public init() {
        storage = [UInt8](repeating: 0, count: Self.headroom)
    }

    /// Creates a message with a copy of a payload.
    ///
    /// - Parameter payload: The encoded bytes.
    public init(_ payload: some Collection<UInt8>) {
        storage = []
        storage.reserveCapacity(Self.headroom + payload.count)
        storage.append(contentsOf: repeatElement(0, count: Self.headroom))
        storage.append(contentsOf: payload)
    }

    /// Creates a message from bytes that already have the headroom in front.
    ///
    /// - Parameter storage: The bytes, of which the first ``headroom`` are the transport's to write.
    ///   Shorter storage is filled up with zeros.
    public init(withHeadroom storage: [UInt8]) {
        self.storage = storage
        while self.storage.count < Self.headroom { self.storage.append(0) }
    }

    /// The payload as an array, which is a copy.
    public var bytes: [UInt8] { Array(storage[Self.headroom...]) }

    /// Calls a closure with the payload, without a copy.
    ///
    /// - Parameter body: A closure that reads the payload.
    /// - Returns: What the closure returns.
    /// - Throws: What the closure throws.
    @inlinable
    public func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let span = readableStorage.span.bytes
        return try body(span.extracting(Self.headroom..<span.byteCount))
    }

    /// The storage as inlined code reads it.
    @usableFromInline var readableStorage: [UInt8] { storage }

    /// Writes a transport's prefix into the headroom.
    ///
    /// - Parameters:
    ///   - flag: The first byte.
    ///   - length: The big-endian number behind it.
    package mutating func writePrefix(flag: UInt8, length: UInt32) {
        storage[0] = flag
        storage[1] = UInt8(truncatingIfNeeded: length >> 24)
        storage[2] = UInt8(truncatingIfNeeded: length >> 16)
        storage[3] = UInt8(truncatingIfNeeded: length >> 8)
        storage[4] = UInt8(truncatingIfNeeded: length)
    }
}

extension EncodedMessage {
    /// Whether the message travels as it is on a call that compresses its messages.
    ///
    /// It is for content that is compressed already, such as a picture, and for secrets beside content that
    /// others choose.
    public var skipsCompression: Bool {
        get { storage[0] == Self.skipMark }
        set { storage[0] = newValue ? Self.skipMark : 0 }
    }

    /// How the message was compressed on its way here; meaningful only for a message that a transport gave.
    ///
    /// It is kept in the headroom, so that the hot path carries nothing beside the message.
    package var receivedCompression: Compression {
        get {
            switch storage[0] {
            case Compression.gzip.mark: .gzip
            case Compression.deflate.mark: .deflate
            default: .identity
            }
        }
        set { storage[0] = newValue.mark }
    }

    /// What the headroom holds of a message that isn't to be compressed.
    private static var skipMark: UInt8 { 0xFF }
}

extension EncodedMessage: Hashable {
    /// Returns whether two messages have the same payload; the headroom does not count.
    public static func == (left: EncodedMessage, right: EncodedMessage) -> Bool {
        left.storage.dropFirst(headroom) == right.storage.dropFirst(headroom)
    }

    /// Hashes the payload; the headroom does not count.
    public func hash(into hasher: inout Hasher) {
        for byte in storage.dropFirst(Self.headroom) { hasher.combine(byte) }
    }
}
