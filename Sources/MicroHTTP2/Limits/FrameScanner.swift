/// The nine bytes that each frame begins with (RFC 9113, section 4.1).
struct FrameHead {
    /// The frame types of RFC 9113, section 6, by their numbers.
    enum Kind {
        static let data: UInt8 = 0
        static let headers: UInt8 = 1
        static let settings: UInt8 = 4
        static let ping: UInt8 = 6
        static let continuation: UInt8 = 9
    }

    /// The flags that matter for how much a frame may cost us.
    enum Flag {
        static let endStream: UInt8 = 0x1
        static let ack: UInt8 = 0x1
        static let endHeaders: UInt8 = 0x4
        static let padded: UInt8 = 0x8
    }

    var length: Int
    var kind: UInt8
    var flags: UInt8
    var stream: UInt32

    /// Reads the head in the first nine of the bytes.
    fileprivate init(_ bytes: UnsafeRawBufferPointer) {
        let first = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt32.self))
        length = Int(first >> 8)
        kind = UInt8(truncatingIfNeeded: first)
        flags = bytes[4]
        stream =
            UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 5, as: UInt32.self)) & 0x7FFF_FFFF
    }

    func has(_ flag: UInt8) -> Bool { flags & flag != 0 }
}

/// Finds the heads of the frames in the bytes that a peer sends, and holds no more than one head.
///
/// nghttp2 reports only the frames that mean something to it. What those cost that mean nothing, and those
/// whose payload has yet to come, can be told from the heads alone.
struct FrameScanner {
    private static let headLength = 9

    /// How many bytes to pass over until the next head.
    private var skipped: Int

    /// The part of a head that came at the end of the bytes before.
    private var partial: InlineArray<9, UInt8> = .init(repeating: 0)
    private var partialCount = 0

    /// Whether the last head was of a header block, and whether that goes on in another frame.
    private var isHeaders = false
    private var goesOn = false

    /// Whether the bytes so far end inside a header block, which nothing may interrupt.
    var isInsideHeaders: Bool { isHeaders && (goesOn || skipped > 0) }

    /// Creates a scanner.
    ///
    /// - Parameter preface: How many bytes come before the first frame.
    init(preface: Int) { skipped = preface }

    /// Takes bytes up to the end of the next head.
    ///
    /// - Parameter bytes: The bytes that came; those that were looked at are cut off.
    /// - Returns: The head, or `nil` if the bytes hold no more.
    mutating func next(in bytes: inout UnsafeRawBufferPointer) -> FrameHead? {
        let passed = min(skipped, bytes.count)
        skipped -= passed
        bytes = UnsafeRawBufferPointer(rebasing: bytes[passed...])
        guard skipped == 0, !bytes.isEmpty else { return nil }
        guard partialCount == 0, bytes.count >= Self.headLength else { return nextInParts(&bytes) }
        let head = FrameHead(bytes)
        bytes = UnsafeRawBufferPointer(rebasing: bytes[Self.headLength...])
        enter(head)
        return head
    }

    private mutating func nextInParts(_ bytes: inout UnsafeRawBufferPointer) -> FrameHead? {
        while partialCount < Self.headLength {
            guard let byte = bytes.first else { return nil }
            partial[partialCount] = byte
            partialCount += 1
            bytes = UnsafeRawBufferPointer(rebasing: bytes[1...])
        }
        partialCount = 0
        let head = partial.span.withUnsafeBytes { FrameHead($0) }
        enter(head)
        return head
    }

    private mutating func enter(_ head: FrameHead) {
        skipped = head.length
        isHeaders = head.kind == FrameHead.Kind.headers || head.kind == FrameHead.Kind.continuation
        goesOn = !head.has(FrameHead.Flag.endHeaders)
    }
}
