internal import MicroCore
internal import SwiftProtobuf

/// A call of etcd's API with one message each way.
struct EtcdCall<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>: Sendable {
    /// The path.
    let path: String
}

extension EtcdCall<EtcdRangeRequest, EtcdRangeResponse> {
    static var range: Self { Self(path: "/etcdserverpb.KV/Range") }
}

extension EtcdCall<EtcdPutRequest, EtcdPutResponse> {
    static var put: Self { Self(path: "/etcdserverpb.KV/Put") }
}

extension EtcdCall<EtcdDeleteRangeRequest, EtcdDeleteRangeResponse> {
    static var delete: Self { Self(path: "/etcdserverpb.KV/DeleteRange") }
}

extension EtcdCall<EtcdLeaseGrantRequest, EtcdLeaseGrantResponse> {
    static var grantLease: Self { Self(path: "/etcdserverpb.Lease/LeaseGrant") }
}

extension EtcdCall<EtcdLeaseRevokeRequest, EtcdLeaseRevokeResponse> {
    static var revokeLease: Self { Self(path: "/etcdserverpb.Lease/LeaseRevoke") }
}

extension EtcdCall<EtcdAuthenticateRequest, EtcdAuthenticateResponse> {
    static var authenticate: Self { Self(path: "/etcdserverpb.Auth/Authenticate") }
}

/// The bytes of messages.
enum EtcdCoding {
    /// Fields that nobody reads aren't kept either: every node has some.
    private static let options: BinaryDecodingOptions = {
        var options = BinaryDecodingOptions()
        options.discardUnknownFields = true
        return options
    }()

    /// The most fields at the top of an answer; a page has 512 keys.
    ///
    /// Each is a message that takes hundreds of bytes of memory, and may have two on the wire.
    private static let maximumFields = 1 << 16

    static func encode(_ message: some SwiftProtobuf.Message) throws(MicroError) -> MicroCore.Message {
        do {
            let bytes: [UInt8] = try message.serializedBytes()
            return MicroCore.Message(bytes)
        } catch {
            throw MicroError(
                .internal, "A request to etcd can't be written: \(error)", processed: .no)
        }
    }

    static func decode<Value: SwiftProtobuf.Message>(
        _ message: MicroCore.Message, as type: Value.Type = Value.self
    ) throws(MicroError) -> Value {
        guard message.withBytes(countsFields) else {
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

    /// Counts the fields of a message, without those inside of them, up to the most that are read.
    ///
    /// - Parameter bytes: The message; what is malformed is left to the decoder.
    /// - Returns: Whether it has no more.
    private static func countsFields(_ bytes: RawSpan) -> Bool {
        var position = 0
        for _ in 0..<maximumFields {
            guard position < bytes.byteCount, let tag = varint(bytes, &position) else { return true }
            switch tag & 7 {
            case 0: _ = varint(bytes, &position)
            case 1: position += 8
            case 2:
                guard let length = varint(bytes, &position), length <= UInt64(bytes.byteCount - position)
                else { return true }
                position += Int(length)
            case 5: position += 4
            default: return true
            }
        }
        return position >= bytes.byteCount
    }

    private static func varint(_ bytes: RawSpan, _ position: inout Int) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard position < bytes.byteCount else { return nil }
            // Sound because the offset is checked, and any byte is a `UInt8`.
            let byte = bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self)
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
