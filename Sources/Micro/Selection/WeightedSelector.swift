public import MicroCore
internal import Synchronization

/// Picks nodes as often as their weights say: `MICRO_SELECTOR=weighted`.
///
/// The weight is the number in a node's metadata field `weight`, from 0 to 1000, such as
/// `MICRO_SERVER_METADATA=weight=3`; 1 if there is none. Nodes of the weight 0 get calls only if there are no others.
/// Calls to a node are spread evenly over time, not made in bursts: it is the static stride scheduler of gRPC's
/// `weighted_round_robin`. A pick takes no lock.
public final class WeightedSelector: Selector {
    /// The greatest weight.
    static let limit = 1000

    /// What is picked of one list of nodes.
    private final class Schedule: Sendable {
        /// The weight of each node, of which the greatest one is ``scale``.
        private let strides: [UInt64]
        private let turn: Atomic<UInt64>
        private static let scale: UInt64 = 65_535

        init(_ weights: [Int]) {
            let greatest = UInt64(weights.max() ?? 0)
            strides = weights.map { weight in
                // A node of a small weight beside one of a great one still gets its turn.
                weight == 0 || greatest == 0
                    ? (greatest == 0 ? Self.scale : 0) : max(1, UInt64(weight) * Self.scale / greatest)
            }
            // The first turn is a random one, so clients that start together don't march in step.
            turn = Atomic(UInt64.random(in: 0..<UInt64(1) << 32))
        }

        /// Returns the next position.
        ///
        /// Each node is looked at once a round, and passed over in as many rounds as its weight is less than the
        /// greatest one. The node of the greatest weight never is, so the search ends within a round.
        func next() -> Int {
            let count = UInt64(strides.count)
            while true {
                let turn = turn.wrappingAdd(1, ordering: .relaxed).oldValue
                let position = Int(turn % count)
                let stride = strides[position]
                let offset = (Self.scale / 2) &* UInt64(position)
                let phase = (stride &* (turn / count) &+ offset) % Self.scale
                if stride > 0, phase >= Self.scale - stride { return position }
            }
        }
    }

    /// Creates a selector.
    public init() {}

    /// Picks the next node.
    public func choose(from candidates: Candidates, for call: SelectionContext) -> Int? {
        guard candidates.count > 1 else { return candidates.isEmpty ? nil : 0 }
        return candidates.derived(for: self) { Schedule(candidates.map { Self.weight(of: $0.node) }) }.next()
    }

    /// Returns the weight of a node.
    static func weight(of node: Node) -> Int {
        guard let text = node.metadata?["weight"], let weight = Int(text), weight >= 0 else { return 1 }
        return min(weight, limit)
    }
}

extension Selector where Self == WeightedSelector {
    /// Picks nodes as often as their metadata field `weight` says.
    public static var weighted: Self { WeightedSelector() }
}
