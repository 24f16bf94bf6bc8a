/// A queue: what came first goes first, each in constant time.
public struct FIFO<Element> {
    private var elements: [Element?] = []
    private var head = 0

    /// Creates an empty queue.
    public init() {}

    /// The number of elements.
    public var count: Int { elements.count - head }

    /// The number of elements that take room: also of those that were taken, before it is given back.
    var storedCount: Int { elements.count }

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

    /// Takes some elements out; the others keep their order.
    ///
    /// - Parameter isUnwanted: Whether an element is to go.
    public mutating func removeAll(where isUnwanted: (Element) -> Bool) {
        elements = elements[head...].filter { $0.map { !isUnwanted($0) } ?? false }
        head = 0
    }

    /// Takes all elements, in their order.
    ///
    /// - Returns: The elements.
    public mutating func removeAll() -> [Element] {
        defer { self = FIFO() }
        return elements[head...].compactMap(\.self)
    }
}
