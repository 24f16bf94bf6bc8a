internal import FoundationEssentials

/// What is read of a range of keys.
public struct EtcdRangeOptions: Hashable, Sendable {
    /// What the answer has.
    public enum Contents: Hashable, Sendable {
        /// Keys and values.
        case keysAndValues

        /// Keys alone.
        case keys

        /// The number of keys alone.
        case count
    }

    /// In which order the keys come.
    public struct Order: Hashable, Sendable {
        /// What the keys are ordered by.
        public enum Field: Hashable, Sendable {
            case key, version, createRevision, modRevision, value
        }

        /// What the keys are ordered by.
        public var field: Field

        /// Whether the greatest comes first.
        public var isDescending: Bool

        /// Creates an order.
        ///
        /// - Parameters:
        ///   - field: What the keys are ordered by.
        ///   - isDescending: Whether the greatest comes first.
        public init(by field: Field, isDescending: Bool = false) {
            self.field = field
            self.isDescending = isDescending
        }
    }

    /// The most keys; 0 for no limit.
    public var limit: Int

    /// The revision to read at; `nil` for the present one.
    public var revision: Int64?

    /// In which order the keys come; by key if `nil`.
    public var order: Order?

    /// What the answer has.
    public var contents: Contents

    /// Whether one member may answer alone, from what it knows, which may be a moment old.
    public var isSerializable: Bool

    /// Creates options.
    ///
    /// - Parameters:
    ///   - limit: The most keys; 0 for no limit.
    ///   - revision: The revision to read at; `nil` for the present one.
    ///   - order: In which order the keys come; by key if `nil`.
    ///   - contents: What the answer has.
    ///   - isSerializable: Whether one member may answer alone.
    public init(
        limit: Int = 0, revision: Int64? = nil, order: Order? = nil, contents: Contents = .keysAndValues,
        isSerializable: Bool = false
    ) {
        self.limit = limit
        self.revision = revision
        self.order = order
        self.contents = contents
        self.isSerializable = isSerializable
    }
}

/// What was read of a range of keys.
public struct EtcdRange: Hashable, Sendable {
    /// The keys and their values.
    public var keyValues: [EtcdKeyValue]

    /// How many keys the range has, whatever the limit.
    public var count: Int64

    /// Whether the range has more keys than the limit let through.
    public var hasMore: Bool

    /// The present revision, which isn't the one that was read at if that is an earlier one.
    public var revision: EtcdRevision
}

extension EtcdPBRangeRequest {
    init(_ range: EtcdKeyRange, _ options: EtcdRangeOptions) {
        self.init()
        key = Data(range.start)
        rangeEnd = Data(range.end)
        limit = Int64(options.limit)
        revision = options.revision ?? 0
        serializable = options.isSerializable
        keysOnly = options.contents == .keys
        countOnly = options.contents == .count
        guard let order = options.order else { return }
        sortOrder = order.isDescending ? .descend : .ascend
        sortTarget =
            switch order.field {
            case .key: .key
            case .version: .version
            case .createRevision: .create
            case .modRevision: .mod
            case .value: .value
            }
    }
}
