internal import MicroCore

/// A state of a cluster's data: each change of it makes the next one.
///
/// Revisions of different clusters have nothing to do with each other. What a member answers after its data were
/// lost, or put back from a backup, may have an earlier revision than before.
public struct EtcdRevision: Hashable, Sendable {
    /// The number, from 1 on.
    public let number: Int64

    /// The cluster that counts so.
    public let cluster: UInt64

    /// Creates a revision.
    ///
    /// - Parameters:
    ///   - number: The number.
    ///   - cluster: The cluster that counts so.
    public init(_ number: Int64, of cluster: UInt64) {
        self.number = number
        self.cluster = cluster
    }

    /// Takes the revision of an answer's header.
    ///
    /// - Throws: A ``MicroError`` if there can't be such a revision: there is always another one behind it.
    init(_ header: EtcdPBResponseHeader) throws(MicroError) {
        try self.init(checking: header.revision, of: header.clusterID)
    }

    /// Takes a revision of an answer.
    init(checking number: Int64, of cluster: UInt64) throws(MicroError) {
        guard number >= 0, number < .max else {
            throw MicroError(.internal, "etcd: an answer has the revision \(number), which can't be.")
        }
        self.init(number, of: cluster)
    }
}
