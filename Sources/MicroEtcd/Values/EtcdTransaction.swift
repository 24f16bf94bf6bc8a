internal import FoundationEssentials
internal import MicroCore

/// Comparisons, and what is done if all of them hold, or if one doesn't, as one change.
///
/// ```swift
/// let (key, owner) = (Array("leader".utf8), Array("node-1".utf8))
/// let taken = try await client.commit(
///     EtcdTransaction(
///         if: [.isAbsent(key)], then: [.put(key: key, value: owner)], else: [.get(.key(key))]))
/// ```
public struct EtcdTransaction: Hashable, Sendable {
    /// What has to hold for ``success`` to be done.
    public var comparisons: [EtcdCompare]

    /// What is done if all comparisons hold, also if there are none.
    public var success: [EtcdOperation]

    /// What is done if one of them doesn't.
    public var failure: [EtcdOperation]

    /// Creates a transaction.
    ///
    /// - Parameters:
    ///   - comparisons: What has to hold.
    ///   - success: What is done if all of it does.
    ///   - failure: What is done if not.
    public init(
        if comparisons: [EtcdCompare], then success: [EtcdOperation], else failure: [EtcdOperation] = []
    ) {
        self.comparisons = comparisons
        self.success = success
        self.failure = failure
    }

    /// Whether it changes nothing.
    var isReadOnly: Bool { (success + failure).allSatisfy(\.isReadOnly) }
}

/// What came of a transaction.
public struct EtcdTransactionResult: Hashable, Sendable {
    /// Whether all comparisons held.
    public var succeeded: Bool

    /// What came of the operations, in their order.
    public var results: [EtcdOperationResult]

    /// The revision after it.
    public var revision: EtcdRevision
}

/// A comparison of a key, or of all keys of a range, with a value.
///
/// A key that isn't there, and a range without keys, has version, revisions and lease 0, and no value: a comparison
/// of its value never holds (`Compare` of etcd's API).
public struct EtcdCompare: Hashable, Sendable {
    /// How what stands there has to be to what it is compared with.
    public enum Relation: Hashable, Sendable {
        case equal, notEqual, greater, less
    }

    /// What is compared, and with what.
    public enum Target: Hashable, Sendable {
        /// How often the key was written since it was created.
        case version(Int64)

        /// The revision at which it was created.
        case createRevision(Int64)

        /// The revision at which it was last changed.
        case modRevision(Int64)

        /// The value.
        case value([UInt8])

        /// The lease; 0 for none (etcd 3.3 and later).
        case lease(Int64)
    }

    /// The keys, all of which have to be so (more than one: etcd 3.3 and later).
    public var range: EtcdKeyRange

    /// How what stands there has to be to what it is compared with.
    public var relation: Relation

    /// What is compared, and with what.
    public var target: Target

    /// Creates a comparison.
    ///
    /// - Parameters:
    ///   - range: The key, or the keys.
    ///   - relation: How what stands there has to be to what it is compared with.
    ///   - target: What is compared, and with what.
    public init(_ range: EtcdKeyRange, _ relation: Relation, _ target: Target) {
        self.range = range
        self.relation = relation
        self.target = target
    }

    /// Returns that there is no such key.
    public static func isAbsent(_ key: [UInt8]) -> Self { Self(.key(key), .equal, .version(0)) }

    /// Returns that there is such a key.
    public static func isPresent(_ key: [UInt8]) -> Self { Self(.key(key), .greater, .version(0)) }

    /// Returns that a key was last changed at a revision, and so not since.
    public static func isUnchanged(_ key: [UInt8], since modRevision: Int64) -> Self {
        Self(.key(key), .equal, .modRevision(modRevision))
    }
}

// MARK: - On the wire

extension EtcdPBCompare {
    init(_ comparison: EtcdCompare) {
        self.init()
        key = Data(comparison.range.start)
        rangeEnd = Data(comparison.range.end)
        result =
            switch comparison.relation {
            case .equal: .equal
            case .notEqual: .notEqual
            case .greater: .greater
            case .less: .less
            }
        switch comparison.target {
        case .version(let number): (target, targetUnion) = (.version, .version(number))
        case .createRevision(let number): (target, targetUnion) = (.create, .createRevision(number))
        case .modRevision(let number): (target, targetUnion) = (.mod, .modRevision(number))
        case .value(let bytes): (target, targetUnion) = (.value, .value(Data(bytes)))
        case .lease(let id): (target, targetUnion) = (.lease, .lease(id))
        }
    }
}

extension EtcdPBTxnRequest {
    init(_ transaction: EtcdTransaction) {
        self.init()
        compare = transaction.comparisons.map(EtcdPBCompare.init)
        success = transaction.success.map(EtcdPBRequestOp.init)
        failure = transaction.failure.map(EtcdPBRequestOp.init)
    }
}

extension EtcdTransactionResult {
    /// Takes an answer.
    ///
    /// - Throws: A ``MicroError`` if it doesn't have what was asked for. The inner answers of a transaction have no
    ///   headers of their own.
    init(_ response: EtcdPBTxnResponse, of transaction: EtcdTransaction) throws(MicroError) {
        try self.init(response, of: transaction, at: try EtcdRevision(response.header))
    }

    private init(
        _ response: EtcdPBTxnResponse, of transaction: EtcdTransaction, at revision: EtcdRevision
    ) throws(MicroError) {
        let operations = response.succeeded ? transaction.success : transaction.failure
        guard operations.count == response.responses.count else {
            throw MicroError(
                .internal,
                "etcd: a transaction has \(response.responses.count) answers to \(operations.count) operations."
            )
        }
        var results: [EtcdOperationResult] = []
        for (operation, answer) in zip(operations, response.responses) {
            results.append(try Self.result(answer, of: operation, at: revision))
        }
        self.init(succeeded: response.succeeded, results: results, revision: revision)
    }

    private static func result(
        _ answer: EtcdPBResponseOp, of operation: EtcdOperation, at revision: EtcdRevision
    ) throws(MicroError) -> EtcdOperationResult {
        switch (operation, answer.response) {
        case (.get, .responseRange(let range)): .get(EtcdRange(range, at: revision))
        case (.put, .responsePut(let put)): .put(EtcdPut(put, at: revision))
        case (.delete, .responseDeleteRange(let deletion)): .delete(EtcdDeletion(deletion, at: revision))
        case (.transaction(let inner), .responseTxn(let response)):
            .transaction(try EtcdTransactionResult(response, of: inner, at: revision))
        default:
            throw MicroError(
                .internal, "etcd: an answer of a transaction is of another kind than its operation.")
        }
    }
}
