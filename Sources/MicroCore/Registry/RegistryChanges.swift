/// The changes of a service's nodes, as ``Registry/watch(_:)`` returns them.
///
/// One task reads it. A reader that is slower than the directory gets the latest state of each
/// node: a pending change is replaced by the next one of the same node. `RegistryDirectory` of
/// `MicroPluginKit` makes such a sequence.
public struct RegistryChanges: AsyncSequence, Sendable {
    /// The changes.
    public typealias Element = RegistryChange

    private let source: @Sendable () async throws -> RegistryChange?

    /// Creates a sequence from any source.
    ///
    /// - Parameter produce: Returns the next change, and suspends until there is one; `nil` when the reading
    ///   task is cancelled. It throws the reason why the directory is lost for good. What the closure holds
    ///   is released with the sequence and its iterator, which is when nobody watches any more.
    public init(unfolding produce: @escaping @Sendable () async throws -> RegistryChange?) {
        source = produce
    }

    /// Returns the iterator; the sequence is read by one task.
    public func makeAsyncIterator() -> Iterator { Iterator(source: source) }

    /// Reads the changes one by one.
    public struct Iterator: AsyncIteratorProtocol {
        let source: @Sendable () async throws -> RegistryChange?

        /// Returns the next change; suspends until there is one.
        ///
        /// - Returns: The change, or `nil` when the reading task is cancelled.
        /// - Throws: The reason why the directory is lost for good.
        public func next() async throws -> RegistryChange? {
            try await source()
        }

        /// Returns the next change; suspends until there is one.
        ///
        /// - Parameter actor: The actor to stay on.
        /// - Returns: The change, or `nil` when the reading task is cancelled.
        /// - Throws: The reason why the directory is lost for good.
        public func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> RegistryChange? {
            try await source()
        }
    }
}
