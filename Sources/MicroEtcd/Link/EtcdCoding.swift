package import MicroCore
package import SwiftProtobuf

/// The bytes of messages.
package enum EtcdCoding {
    /// Fields that nobody reads aren't kept either: every node has some.
    private static let options: BinaryDecodingOptions = {
        var options = BinaryDecodingOptions()
        options.discardUnknownFields = true
        return options
    }()

    /// The most fields at the top of an answer, or of one inside of a transaction's; a page has 512 keys.
    ///
    /// Each is a message that takes hundreds of bytes of memory, and may have two on the wire.
    private static let maximumFields = 1 << 16

    /// Returns the bytes of a request.
    package static func encode(_ message: some SwiftProtobuf.Message) throws(MicroError) -> EncodedMessage {
        do {
            let bytes: [UInt8] = try message.serializedBytes()
            return EncodedMessage(bytes)
        } catch {
            throw MicroError(
                .internal, "A request to etcd can't be written: \(error)", processed: .no)
        }
    }

    /// Reads an answer.
    package static func decode<Value: SwiftProtobuf.Message>(
        _ message: EncodedMessage, as type: Value.Type = Value.self
    ) throws(MicroError) -> Value {
        let shape: FieldCounter.Shape = type == EtcdPBTxnResponse.self ? .transaction : .plain
        let isTooLong = message.withBytes { bytes in
            var counter = FieldCounter(limit: maximumFields)
            return !counter.count(bytes, in: 0..<bytes.byteCount, as: shape)
        }
        guard !isTooLong else {
            throw MicroError(
                .internal,
                "etcd's answer has more than \(maximumFields) fields, and is not read as a "
                    + "\(Value.protoMessageName).")
        }
        do {
            return try message.withBytes { try Value(serializedBytes: $0, options: options) }
        } catch {
            throw MicroError(.internal, "etcd: its answer is not a \(Value.protoMessageName): \(error)")
        }
    }
}

/// Counts the fields of a message before it is decoded; what is malformed is left to the decoder.
private struct FieldCounter {
    /// Which fields of a message are messages with many fields themselves.
    enum Shape {
        /// None.
        case plain

        /// etcd's `TxnResponse`, which has answers in it.
        case transaction

        /// etcd's `ResponseOp`, which is one of them.
        case operation

        /// What a field is; `nil` if what is in it isn't counted.
        func field(_ number: UInt64) -> Shape? {
            switch (self, number) {
            case (.transaction, 3): .operation
            case (.operation, 1...3): .plain
            case (.operation, 4): .transaction
            default: nil
            }
        }
    }

    /// How deep transactions may be in each other; the decoder refuses what is deeper.
    private static let maximumDepth = 100

    private var left: Int
    private var depth = 0

    init(limit: Int) { left = limit }

    /// Counts the fields of a message.
    ///
    /// - Returns: Whether there are no more than the limit.
    mutating func count(_ bytes: RawSpan, in range: Range<Int>, as shape: Shape) -> Bool {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else { return true }
        var position = range.lowerBound
        while position < range.upperBound {
            left -= 1
            guard left >= 0 else { return false }
            guard let tag = varint(bytes, &position, range.upperBound) else { return true }
            switch tag & 7 {
            case 0: _ = varint(bytes, &position, range.upperBound)
            case 1: position += 8
            case 2:
                guard let length = varint(bytes, &position, range.upperBound),
                    length <= UInt64(range.upperBound - position)
                else { return true }
                let end = position + Int(length)
                if let inner = shape.field(tag >> 3), !count(bytes, in: position..<end, as: inner) {
                    return false
                }
                position = end
            case 5: position += 4
            default: return true
            }
        }
        return true
    }

    private func varint(_ bytes: RawSpan, _ position: inout Int, _ end: Int) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard position < end else { return nil }
            // Sound because the offset is checked, and any byte is a `UInt8`.
            let byte = bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self)
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
