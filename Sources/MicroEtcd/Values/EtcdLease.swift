/// A lease: when it ends, the keys that were put under it are deleted.
public struct EtcdLease: Hashable, Sendable, Identifiable {
    /// What etcd calls the lease; never 0.
    public let id: Int64

    /// The time to live that etcd has granted, in seconds; it may be more than was asked for.
    public let seconds: Int64

    /// Creates a lease.
    ///
    /// - Parameters:
    ///   - id: What etcd calls the lease.
    ///   - seconds: The time to live, in seconds.
    public init(id: Int64, seconds: Int64) {
        self.id = id
        self.seconds = seconds
    }
}

/// What is left of a lease.
public struct EtcdLeaseStatus: Hashable, Sendable {
    /// In how many seconds the lease ends unless it is renewed.
    public let remainingSeconds: Int64

    /// The time to live that etcd has granted, in seconds.
    public let grantedSeconds: Int64

    /// The keys under the lease, if they were asked for.
    public let keys: [[UInt8]]
}
