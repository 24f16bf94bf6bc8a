internal import FoundationEssentials

/// What came of writing a key.
public struct EtcdPut: Hashable, Sendable {
    /// The revision that wrote it.
    public var revision: EtcdRevision

    /// What stood there before, if it was asked for.
    public var previous: EtcdKeyValue?
}

/// What came of deleting keys.
public struct EtcdDeletion: Hashable, Sendable {
    /// The revision that deleted them; the present one if there were none.
    public var revision: EtcdRevision

    /// How many there were.
    public var count: Int64

    /// What stood there before, if it was asked for.
    public var previous: [EtcdKeyValue]
}

/// Something that a transaction does.
public enum EtcdOperation: Hashable, Sendable {
    /// Reads keys.
    case get(EtcdKeyRange, EtcdRangeOptions = EtcdRangeOptions())

    /// Writes a key. A transaction can't write one twice.
    case put(key: [UInt8], value: [UInt8], lease: EtcdLease.ID? = nil, returnsPrevious: Bool = false)

    /// Deletes keys.
    case delete(EtcdKeyRange, returnsPrevious: Bool = false)

    /// Does one of two things (etcd 3.3 and later).
    indirect case transaction(EtcdTransaction)

    /// Whether it changes nothing.
    var isReadOnly: Bool {
        switch self {
        case .get: true
        case .put, .delete: false
        case .transaction(let transaction): transaction.isReadOnly
        }
    }
}

/// What came of an operation of a transaction.
public enum EtcdOperationResult: Hashable, Sendable {
    /// What was read.
    case get(EtcdRange)

    /// What came of writing.
    case put(EtcdPut)

    /// What came of deleting.
    case delete(EtcdDeletion)

    /// What came of an inner transaction.
    indirect case transaction(EtcdTransactionResult)
}

// MARK: - On the wire

extension EtcdPBPutRequest {
    init(_ key: [UInt8], _ value: [UInt8], lease: EtcdLease.ID?, returnsPrevious: Bool) {
        self.init()
        self.key = Data(key)
        self.value = Data(value)
        self.lease = lease ?? 0
        prevKv = returnsPrevious
    }
}

extension EtcdPBDeleteRangeRequest {
    init(_ range: EtcdKeyRange, returnsPrevious: Bool) {
        self.init()
        key = Data(range.start)
        rangeEnd = Data(range.end)
        prevKv = returnsPrevious
    }
}

extension EtcdPBRequestOp {
    init(_ operation: EtcdOperation) {
        self.init()
        request =
            switch operation {
            case .get(let range, let options): .requestRange(EtcdPBRangeRequest(range, options))
            case .put(let key, let value, let lease, let returnsPrevious):
                .requestPut(EtcdPBPutRequest(key, value, lease: lease, returnsPrevious: returnsPrevious))
            case .delete(let range, let returnsPrevious):
                .requestDeleteRange(EtcdPBDeleteRangeRequest(range, returnsPrevious: returnsPrevious))
            case .transaction(let transaction): .requestTxn(EtcdPBTxnRequest(transaction))
            }
    }
}

extension EtcdRange {
    init(_ response: EtcdPBRangeResponse, at revision: EtcdRevision) {
        self.init(
            keyValues: response.kvs.map(EtcdKeyValue.init), count: response.count, hasMore: response.more,
            revision: revision)
    }
}

extension EtcdPut {
    init(_ response: EtcdPBPutResponse, at revision: EtcdRevision) {
        self.init(revision: revision, previous: response.hasPrevKv ? EtcdKeyValue(response.prevKv) : nil)
    }
}

extension EtcdDeletion {
    init(_ response: EtcdPBDeleteRangeResponse, at revision: EtcdRevision) {
        self.init(
            revision: revision, count: response.deleted, previous: response.prevKvs.map(EtcdKeyValue.init))
    }
}
