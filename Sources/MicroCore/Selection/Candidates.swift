/// The nodes among which a selector chooses.
public struct Candidates: RandomAccessCollection, Sendable {
    private let all: [Candidate]
    private let notes = CandidateNotes()

    /// A number that another list of nodes does not have.
    public let generation: UInt64

    /// Creates a list.
    ///
    /// - Parameter candidates: The nodes, in a stable order.
    public init(_ candidates: [Candidate]) {
        all = candidates
        generation = NodeLoad.nextGeneration()
    }

    /// The position of the first node: 0.
    public var startIndex: Int { 0 }

    /// The number of nodes.
    public var endIndex: Int { all.count }

    /// The number of nodes.
    public var count: Int { all.count }

    /// Whether there is none.
    public var isEmpty: Bool { all.isEmpty }

    /// The node at a position.
    public subscript(position: Int) -> Candidate { all[position] }

    /// Returns what a selector derives of the list, such as a ring of hashes; makes it when it is first asked for.
    ///
    /// It is kept as long as the list is, and found again without a lock, so a selector needs no table of lists. Several
    /// callers may make it at once; then one of their values is kept.
    ///
    /// - Parameters:
    ///   - owner: Whose value it is: the selector, or an object of its own.
    ///   - make: Makes the value.
    /// - Returns: The value.
    public func derived<Value: AnyObject & Sendable>(
        for owner: any AnyObject & Sendable, _ make: () -> Value
    ) -> Value {
        notes.value(for: owner, make)
    }
}
