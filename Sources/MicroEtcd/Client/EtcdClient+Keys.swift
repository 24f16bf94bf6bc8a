internal import MicroCore
internal import SwiftProtobuf

extension EtcdClient {
    /// Reads a key or a range of keys (`KV.Range` of etcd's API).
    ///
    /// What it returns is bounded by the longest answer, 16 MiB; ``list(_:until:_:)`` reads more.
    ///
    /// - Parameters:
    ///   - range: The keys.
    ///   - options: What is read of them.
    ///   - deadline: When it fails at the latest; `nil` for the configured time limit.
    /// - Returns: What stands there.
    /// - Throws: An ``EtcdError``.
    public func get(
        _ range: EtcdKeyRange, _ options: EtcdRangeOptions = EtcdRangeOptions(),
        until deadline: ContinuousClock.Instant? = nil
    ) async throws(EtcdError) -> EtcdRange {
        try await EtcdError.translating { () async throws(MicroError) in
            let response = try await send(.range, EtcdPBRangeRequest(range, options), until: deadline)
            return EtcdRange(response, at: try EtcdRevision(response.header))
        }
    }

    /// Writes a key (`KV.Put` of etcd's API).
    ///
    /// - Parameters:
    ///   - key: The key, which isn't empty.
    ///   - value: What is to stand there.
    ///   - lease: The lease with which the key goes; `nil` if it stays.
    ///   - returnsPrevious: Whether what stood there before is wanted.
    ///   - isRepeatable: Whether it may be written again when an answer is lost. What somebody else has written
    ///     meanwhile is written over then.
    ///   - deadline: When it fails at the latest; `nil` for the configured time limit.
    /// - Returns: The revision, and what stood there before.
    /// - Throws: An ``EtcdError``, with the code `leaseNotFound` if the lease is over.
    @discardableResult
    public func put(
        _ key: [UInt8], _ value: [UInt8], lease: EtcdLease.ID? = nil, returnsPrevious: Bool = false,
        isRepeatable: Bool = false, until deadline: ContinuousClock.Instant? = nil
    ) async throws(EtcdError) -> EtcdPut {
        try await EtcdError.translating { () async throws(MicroError) in
            let request = EtcdPBPutRequest(key, value, lease: lease, returnsPrevious: returnsPrevious)
            let response = try await send(.put, request, until: deadline, isRepeatable: isRepeatable)
            return EtcdPut(response, at: try EtcdRevision(response.header))
        }
    }

    /// Deletes a key or a range of keys (`KV.DeleteRange` of etcd's API).
    ///
    /// - Parameters:
    ///   - range: The keys.
    ///   - returnsPrevious: Whether what stood there before is wanted.
    ///   - isRepeatable: Whether they may be deleted again when an answer is lost. What somebody else has
    ///     written meanwhile goes then as well.
    ///   - deadline: When it fails at the latest; `nil` for the configured time limit.
    /// - Returns: The revision, how many there were, and what stood there before.
    /// - Throws: An ``EtcdError``.
    @discardableResult
    public func delete(
        _ range: EtcdKeyRange, returnsPrevious: Bool = false, isRepeatable: Bool = false,
        until deadline: ContinuousClock.Instant? = nil
    ) async throws(EtcdError) -> EtcdDeletion {
        try await EtcdError.translating { () async throws(MicroError) in
            let request = EtcdPBDeleteRangeRequest(range, returnsPrevious: returnsPrevious)
            let response = try await send(.delete, request, until: deadline, isRepeatable: isRepeatable)
            return EtcdDeletion(response, at: try EtcdRevision(response.header))
        }
    }

    /// Does one of two things, by what etcd has, as one change (`KV.Txn` of etcd's API).
    ///
    /// It is never made again when an answer is lost: whether it came about is found out by reading.
    ///
    /// - Parameters:
    ///   - transaction: What to compare, and what to do.
    ///   - deadline: When it fails at the latest; `nil` for the configured time limit.
    /// - Returns: Which of the two was done, and what came of it.
    /// - Throws: An ``EtcdError``.
    public func commit(
        _ transaction: EtcdTransaction, until deadline: ContinuousClock.Instant? = nil
    ) async throws(EtcdError) -> EtcdTransactionResult {
        try await EtcdError.translating { () async throws(MicroError) in
            let request = EtcdPBTxnRequest(transaction)
            let response = try await send(
                .transaction, request, until: deadline, isRepeatable: transaction.isReadOnly)
            return try EtcdTransactionResult(response, of: transaction)
        }
    }
}
