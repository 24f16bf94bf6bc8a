/// A queue: what came first goes first, each in constant time.
public struct FIFO<Element> {
    private var elements: [Element?] = []
    private var head = 0

    /// Creates an empty queue.
    public init() {}

    /// The number of elements.
    public var count: Int { elements.count - head }

    /// Whether there is no element.
    public var isEmpty: Bool { count == 0 }

    /// Puts an element behind the others.
    public mutating func append(_ element: Element) { elements.append(element) }

    /// Takes the first element, if there is one.
    public mutating func popFirst() -> Element? {
        guard head < elements.count else { return nil }
        let first = elements[head]
        elements[head] = nil
        head += 1
        // The room of what was taken is given back once it is half of all.
        if head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return first
    }

    /// Takes all elements, in their order.
    public mutating func removeAll() -> [Element] {
        defer { self = FIFO() }
        return elements[head...].compactMap(\.self)
    }
}
