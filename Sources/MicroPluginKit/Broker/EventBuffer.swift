/// The events that wait for a subscription's workers, in bounds of number and bytes, and those who wait for room.
///
/// It resumes nobody: the holder of the lock resumes those that it returns, behind the lock.
struct EventBuffer<Item: Sendable> {
    /// A task that waits for room, with its event.
    struct Sender {
        let item: Item
        let size: Int
        let waiter: Waiter<Bool>
    }

    private let capacity: Int
    private let byteLimit: Int
    private var waiting = FIFO<(item: Item, size: Int)>()
    private var bytes = 0
    private var senders: [Sender] = []

    /// Creates an empty buffer.
    ///
    /// - Parameters:
    ///   - capacity: How many events wait at most.
    ///   - byteLimit: How many bytes of events wait at most. One event alone may be larger.
    init(capacity: Int, byteLimit: Int) {
        self.capacity = capacity
        self.byteLimit = byteLimit
    }

    /// Whether no event waits.
    var isEmpty: Bool { waiting.isEmpty }

    /// Adds an event; the oldest ones make room for it.
    ///
    /// - Returns: The events that had to go.
    mutating func append(_ item: Item, size: Int) -> [Item] {
        var dropped: [Item] = []
        while !hasRoom(for: size), let oldest = popFirst() { dropped.append(oldest) }
        add(item, size: size)
        return dropped
    }

    /// Adds an event if there is room for it and nobody waits for room already.
    ///
    /// - Returns: Whether it was added.
    mutating func appendIfThereIsRoom(_ item: Item, size: Int) -> Bool {
        // Anyone who came before goes before, also where it needs more room.
        guard senders.isEmpty, hasRoom(for: size) else { return false }
        add(item, size: size)
        return true
    }

    /// Takes the first event.
    mutating func popFirst() -> Item? {
        guard let (item, size) = waiting.popFirst() else { return nil }
        bytes -= size
        return item
    }

    /// Takes all events.
    mutating func removeAll() -> [Item] {
        bytes = 0
        return waiting.removeAll().map(\.item)
    }

    private mutating func add(_ item: Item, size: Int) {
        waiting.append((item, size))
        bytes += size
    }

    private func hasRoom(for size: Int) -> Bool {
        waiting.isEmpty || (waiting.count < capacity && size <= byteLimit - bytes)
    }
}

// MARK: - Those who wait for room

extension EventBuffer {
    /// Lets a task wait for room behind the others.
    mutating func wait(_ sender: Sender) { senders.append(sender) }

    /// Takes the events of those who wait for room, as far as there is room.
    ///
    /// - Returns: Those who wait no longer.
    mutating func admit() -> [Sender] {
        var admitted: [Sender] = []
        while let sender = senders.first, hasRoom(for: sender.size) {
            add(sender.item, size: sender.size)
            admitted.append(senders.removeFirst())
        }
        return admitted
    }

    /// Lets a task wait no longer.
    mutating func removeSender(_ id: WaiterID) -> Sender? {
        guard let position = senders.firstIndex(where: { $0.waiter.id == id }) else { return nil }
        return senders.remove(at: position)
    }

    /// Lets nobody wait any longer.
    mutating func removeSenders() -> [Sender] {
        defer { senders = [] }
        return senders
    }
}
