internal import SwiftProtobuf

/// A call of etcd's API with one message each way.
struct EtcdCall<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>: Sendable {
    /// The path.
    let path: String
}

extension EtcdCall<EtcdPBRangeRequest, EtcdPBRangeResponse> {
    static var range: Self { Self(path: "/etcdserverpb.KV/Range") }
}

extension EtcdCall<EtcdPBPutRequest, EtcdPBPutResponse> {
    static var put: Self { Self(path: "/etcdserverpb.KV/Put") }
}

extension EtcdCall<EtcdPBDeleteRangeRequest, EtcdPBDeleteRangeResponse> {
    static var delete: Self { Self(path: "/etcdserverpb.KV/DeleteRange") }
}

extension EtcdCall<EtcdPBTxnRequest, EtcdPBTxnResponse> {
    static var transaction: Self { Self(path: "/etcdserverpb.KV/Txn") }
}

extension EtcdCall<EtcdPBLeaseGrantRequest, EtcdPBLeaseGrantResponse> {
    static var grantLease: Self { Self(path: "/etcdserverpb.Lease/LeaseGrant") }
}

extension EtcdCall<EtcdPBLeaseRevokeRequest, EtcdPBLeaseRevokeResponse> {
    static var revokeLease: Self { Self(path: "/etcdserverpb.Lease/LeaseRevoke") }
}

extension EtcdCall<EtcdPBLeaseTimeToLiveRequest, EtcdPBLeaseTimeToLiveResponse> {
    static var leaseTimeToLive: Self { Self(path: "/etcdserverpb.Lease/LeaseTimeToLive") }
}

extension EtcdCall<EtcdPBAuthenticateRequest, EtcdPBAuthenticateResponse> {
    static var authenticate: Self { Self(path: "/etcdserverpb.Auth/Authenticate") }
}

/// The calls of etcd's API with many messages each way.
enum EtcdStreams {
    static let watch = "/etcdserverpb.Watch/Watch"
    static let keepAlive = "/etcdserverpb.Lease/LeaseKeepAlive"
}
