/// A node that an attempt can be made on, with how it has done lately.
public final class Candidate: Sendable {
    /// The node, as the registry has it.
    public let node: Node

    /// The version of the service that it runs; empty where that isn't known.
    public let version: String

    /// What the attempts on the node have shown.
    let load: NodeLoad

    /// Creates a candidate that has not been called yet.
    ///
    /// - Parameters:
    ///   - node: The node.
    ///   - version: The version of the service that it runs.
    public init(_ node: Node, version: String = "") {
        self.node = node
        self.version = version
        load = NodeLoad()
    }

    /// Creates a candidate for a node of which the registry says something else now.
    ///
    /// - Parameters:
    ///   - node: The node.
    ///   - version: The version of the service that it runs.
    ///   - former: The candidate whose measurements go on.
    package init(_ node: Node, version: String, former: Candidate) {
        self.node = node
        self.version = version
        load = former.load
    }

    /// The number of attempts that this client has in flight on the node; 0 unless the selector has the signal
    /// ``SelectionSignals/callsInFlight``.
    public var callsInFlight: Int { load.inFlight }

    /// Since when the client knows the node.
    public var knownSince: ContinuousClock.Instant { load.created.instant }
}

/// The nodes among which a selector chooses.
public struct Candidates: RandomAccessCollection, Sendable {
    private let all: [Candidate]

    /// A number that another list of nodes does not have, for a selector that keeps something for each list, such as a
    /// ring of hashes.
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
}
