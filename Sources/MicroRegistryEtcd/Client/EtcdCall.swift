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
        do {
            return try message.withBytes { try Value(serializedBytes: $0, options: options) }
        } catch {
            throw MicroError(.internal, "etcd: its answer is not a \(Value.protoMessageName): \(error)")
        }
    }
}
