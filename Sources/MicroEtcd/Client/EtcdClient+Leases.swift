internal import FoundationEssentials
internal import MicroCore
internal import SwiftProtobuf

extension EtcdClient {
    /// Asks for a lease, which ends unless it is renewed (`Lease.LeaseGrant` of etcd's API).
    ///
    /// ``EtcdLeases`` keeps leases alive.
    ///
    /// - Parameters:
    ///   - seconds: The time to live.
    ///   - deadline: When it fails at the latest; `nil` for the configured time limit.
    /// - Returns: The lease.
    /// - Throws: An ``EtcdError``.
    public func grantLease(
        seconds: Int64, until deadline: ContinuousClock.Instant? = nil
    ) async throws(EtcdError) -> EtcdLease {
        try await EtcdError.translating { () async throws(MicroError) in
            try await lease(seconds: seconds, until: deadline)
        }
    }

    func lease(
        seconds: Int64, until deadline: ContinuousClock.Instant?
    ) async throws(MicroError) -> EtcdLease {
        // An answer that is lost leaves a lease that nobody renews, and so nothing behind.
        let request = EtcdPBLeaseGrantRequest.with { $0.ttl = seconds }
        let response = try await send(.grantLease, request, until: deadline)
        guard response.error.isEmpty, response.id != 0 else {
            throw MicroError(
                .unavailable, "etcd grants no lease: \(response.error.printable())", processed: .no)
        }
        return EtcdLease(id: response.id, seconds: response.ttl)
    }

    /// Ends a lease, and with it the keys under it (`Lease.LeaseRevoke` of etcd's API).
    ///
    /// - Parameters:
    ///   - id: The lease.
    ///   - deadline: When it fails at the latest; `nil` for the configured time limit.
    /// - Throws: An ``EtcdError``, with the code `leaseNotFound` if there is no such lease.
    public func revokeLease(
        _ id: EtcdLease.ID, until deadline: ContinuousClock.Instant? = nil
    ) async throws(EtcdError) {
        try await EtcdError.translating { () async throws(MicroError) in
            let request = EtcdPBLeaseRevokeRequest.with { $0.id = id }
            _ = try await send(.revokeLease, request, until: deadline)
        }
    }

    /// Renews a lease once (`Lease.LeaseKeepAlive` of etcd's API).
    ///
    /// - Parameters:
    ///   - id: The lease.
    ///   - deadline: When it fails at the latest; `nil` for the configured time limit.
    /// - Returns: The seconds until it ends.
    /// - Throws: An ``EtcdError``, with the code `leaseNotFound` if there is no such lease.
    @discardableResult
    public func renewLease(
        _ id: EtcdLease.ID, until deadline: ContinuousClock.Instant? = nil
    ) async throws(EtcdError) -> Int64 {
        try await EtcdError.translating { () async throws(MicroError) in
            let deadline = deadline ?? .now + timeout
            let session = try await link.session(until: deadline)
            let stream = try await session.open(EtcdStreams.keepAlive, until: deadline)
            defer { stream.cancel() }
            try await stream.send(EtcdCoding.encode(EtcdPBLeaseKeepAliveRequest.with { $0.id = id }))
            guard let message = try await stream.receive() else {
                throw MicroError(.unavailable, "etcd has ended the renewal of leases.")
            }
            let response: EtcdPBLeaseKeepAliveResponse = try EtcdCoding.decode(message)
            guard response.ttl > 0 else {
                throw MicroError(.notFound, "etcd: lease not found: it has expired or was revoked.")
            }
            return response.ttl
        }
    }

    /// Returns what is left of a lease (`Lease.LeaseTimeToLive` of etcd's API).
    ///
    /// - Parameters:
    ///   - id: The lease.
    ///   - includesKeys: Whether the keys under it are wanted.
    ///   - deadline: When it fails at the latest; `nil` for the configured time limit.
    /// - Returns: What is left; `nil` if there is no such lease.
    /// - Throws: An ``EtcdError``.
    public func leaseStatus(
        _ id: EtcdLease.ID, includesKeys: Bool = false, until deadline: ContinuousClock.Instant? = nil
    ) async throws(EtcdError) -> EtcdLeaseStatus? {
        try await EtcdError.translating { () async throws(MicroError) in
            let request = EtcdPBLeaseTimeToLiveRequest.with {
                $0.id = id
                $0.keys = includesKeys
            }
            let response = try await send(.leaseTimeToLive, request, until: deadline)
            // A lease that has ended has -1 seconds left.
            guard response.ttl >= 0 else { return nil }
            return EtcdLeaseStatus(
                remainingSeconds: response.ttl, grantedSeconds: response.grantedTtl,
                keys: response.keys.map { [UInt8]($0) })
        }
    }
}
