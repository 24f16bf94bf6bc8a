internal import MicroCore

extension EtcdClient {
    /// Returns the changes of a key or a range of keys (`Watch.Watch` of etcd's API).
    ///
    /// The sequence outlives the loss of connections, members and tokens, and goes on where it was: it misses
    /// nothing. It throws when what comes next can't be had:
    ///
    /// - with the code `compacted` when etcd no longer has the changes between, or has other data than before. Read
    ///   everything again, with ``list(_:until:_:)``, and go on from there.
    /// - with the code `accessDenied` when the user may not read the keys.
    ///
    /// - Parameters:
    ///   - range: The keys.
    ///   - revision: The revision whose state is known: the first change is one behind it. `nil` begins with the
    ///     next change.
    ///   - includesPrevious: Whether events have what stood there before.
    /// - Returns: The changes. Each iterator makes a watch of its own.
    public func watch(
        _ range: EtcdKeyRange, after revision: EtcdRevision? = nil, includesPrevious: Bool = false
    ) -> EtcdWatch {
        EtcdWatch(client: self, range: range, revision: revision, includesPrevious: includesPrevious)
    }
}

/// The changes of a range of keys.
public struct EtcdWatch: AsyncSequence, Sendable {
    /// Changes that etcd has told at once.
    public struct Batch: Hashable, Sendable {
        /// The changes, in their order; none if etcd only says how far the watch is.
        public var events: [EtcdWatchEvent]

        /// The revision up to which all changes were told, from which another watch can go on.
        ///
        /// It is the one before if the changes of the present one are still to come.
        public var revision: EtcdRevision
    }

    let client: EtcdClient
    let range: EtcdKeyRange
    let revision: EtcdRevision?
    let includesPrevious: Bool

    /// Returns an iterator, which is read by one task.
    public func makeAsyncIterator() -> Iterator { Iterator(reader: WatchReader(self)) }

    /// Reads the changes.
    public struct Iterator: AsyncIteratorProtocol {
        var reader: WatchReader

        /// Waits for the next changes.
        ///
        /// - Returns: The changes; never `nil`, since a watch doesn't end by itself.
        /// - Throws: An ``EtcdError`` when the watch can't go on, or the task is cancelled.
        public mutating func next() async throws(EtcdError) -> Batch? {
            do throws(MicroError) {
                return try await reader.next()
            } catch {
                throw EtcdError(error)
            }
        }

        /// Waits for the next changes.
        ///
        /// - Parameter actor: The isolation of the caller.
        /// - Returns: The changes; never `nil`, since a watch doesn't end by itself.
        /// - Throws: An ``EtcdError`` when the watch can't go on, or the task is cancelled.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(EtcdError) -> Batch? {
            try await next()
        }
    }
}

/// A change of a key.
public struct EtcdWatchEvent: Hashable, Sendable {
    /// What happened to the key.
    public enum Kind: Hashable, Sendable {
        /// It was written.
        case put

        /// It was deleted, or its lease has ended.
        case delete
    }

    /// What happened to the key.
    public var kind: Kind

    /// What stands there now; of a deleted key, the key and the revision that deleted it.
    public var keyValue: EtcdKeyValue

    /// What stood there before, if it was asked for and etcd still has it.
    public var previous: EtcdKeyValue?

    init(_ message: EtcdPBEvent) {
        kind = message.type == .delete ? .delete : .put
        keyValue = EtcdKeyValue(message.kv)
        previous = message.hasPrevKv ? EtcdKeyValue(message.prevKv) : nil
    }
}
