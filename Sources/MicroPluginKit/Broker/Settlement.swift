import Synchronization

/// What becomes of a subscription's events: each is handled, or dropped and counted.
final class Settlement<Item: Sendable>: Sendable {
    private let handler: @Sendable (Item) async -> Bool
    private let discard: @Sendable (Item) -> Void
    private let counter = Atomic<Int>(0)

    /// Creates a settlement of no events.
    ///
    /// - Parameters:
    ///   - discard: Called with each event that is dropped before it was handled.
    ///   - handler: Handles an event, and returns `false` if it counts as dropped.
    init(
        discard: @escaping @Sendable (Item) -> Void, handler: @escaping @Sendable (Item) async -> Bool
    ) {
        self.discard = discard
        self.handler = handler
    }

    /// The number of events that were dropped.
    var dropped: Int { counter.load(ordering: .acquiring) }

    /// Handles an event.
    func handle(_ item: Item) async {
        if !(await handler(item)) { counter.add(1, ordering: .releasing) }
    }

    /// Drops events.
    func drop(_ items: [Item]) {
        counter.add(items.count, ordering: .releasing)
        for item in items { discard(item) }
    }
}
