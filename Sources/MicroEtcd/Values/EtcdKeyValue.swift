internal import FoundationEssentials

/// A key and what stands at it.
public struct EtcdKeyValue: Hashable, Sendable {
    /// The key.
    public var key: [UInt8]

    /// The value; empty if only keys were asked for, and in the event of a deletion.
    public var value: [UInt8]

    /// The revision at which the key was created.
    public var createRevision: Int64

    /// The revision at which the key was last changed, or deleted.
    public var modRevision: Int64

    /// How often the key was written since it was created: 1 at its creation, and 0 once it is deleted.
    public var version: Int64

    /// The lease with which the key goes; `nil` if it stays.
    public var lease: EtcdLease.ID?

    /// Creates a value as etcd would tell it.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - value: The value.
    ///   - createRevision: The revision at which the key was created.
    ///   - modRevision: The revision at which the key was last changed.
    ///   - version: How often the key was written since.
    ///   - lease: The lease with which the key goes.
    public init(
        key: [UInt8], value: [UInt8], createRevision: Int64 = 0, modRevision: Int64 = 0, version: Int64 = 0,
        lease: EtcdLease.ID? = nil
    ) {
        self.key = key
        self.value = value
        self.createRevision = createRevision
        self.modRevision = modRevision
        self.version = version
        self.lease = lease
    }

    init(_ message: EtcdPBKeyValue) {
        self.init(
            key: [UInt8](message.key), value: [UInt8](message.value),
            createRevision: message.createRevision, modRevision: message.modRevision,
            version: message.version, lease: message.lease == 0 ? nil : message.lease)
    }
}
