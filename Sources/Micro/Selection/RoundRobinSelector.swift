public import MicroCore
internal import Synchronization

/// Picks the nodes of a service one after the other: `MICRO_SELECTOR=roundrobin`.
///
/// The rotation stays true when nodes come, go or fail: it goes on behind the node that was picked last. A pick takes no
/// lock.
public final class RoundRobinSelector: Selector {
    /// The number of services whose turn is remembered; beyond it, all begin anew.
    private static let limit = 1024

    /// The rotation of one list of nodes.
    private final class Rotation: Sendable {
        let ids: [String]
        private let turn: Atomic<UInt64>

        init(_ ids: [String], start: Int) {
            self.ids = ids
            turn = Atomic(UInt64(start))
        }

        /// Returns the next position.
        func next() -> Int {
            let turn = turn.wrappingAdd(1, ordering: .relaxed).oldValue
            return ids.isEmpty ? 0 : Int(turn % UInt64(ids.count))
        }

        /// The node that was picked last; `nil` if none was.
        var last: String? {
            let turn = turn.load(ordering: .relaxed)
            return turn == 0 || ids.isEmpty ? nil : ids[Int((turn - 1) % UInt64(ids.count))]
        }
    }

    /// The latest rotation of each service.
    private let rotations = Mutex<[String: Rotation]>([:])

    /// Creates a selector.
    public init() {}

    /// Picks the next node.
    public func choose(from candidates: Candidates, for call: SelectionContext) -> Int? {
        guard !candidates.isEmpty else { return nil }
        // What is offered for another attempt is a list of its own, made for this call alone.
        guard call.tried.isEmpty else { return behindLast(candidates, call.service) }
        return candidates.derived(for: self) { rotation(candidates, call.service) }.next()
    }

    /// Makes the rotation of a list, which goes on where the one before has come to.
    private func rotation(_ candidates: Candidates, _ service: String) -> Rotation {
        let ids = candidates.map(\.node.id)
        return rotations.withLock { rotations in
            if rotations.count >= Self.limit, rotations[service] == nil { rotations = [:] }
            let start =
                rotations[service]?.last.map { Self.position(behind: $0, in: ids) }
                // The first turn is a random one, so clients that start together don't march in step.
                ?? Int.random(in: ids.indices)
            let rotation = Rotation(ids, start: start)
            rotations[service] = rotation
            return rotation
        }
    }

    private func behindLast(_ candidates: Candidates, _ service: String) -> Int {
        // The turn is taken from the others, so that calls which fail at once do not all go to the same node.
        let last = rotations.withLock { rotations -> String? in
            guard let rotation = rotations[service] else { return nil }
            return rotation.ids.isEmpty ? nil : rotation.ids[rotation.next()]
        }
        guard let last else { return Int.random(in: candidates.indices) }
        return Self.position(behind: last, in: candidates.map(\.node.id), orAt: true)
    }

    /// Returns the position of the first id behind another one in the order of ids, which is the order of lists.
    private static func position(behind last: String, in ids: [String], orAt: Bool = false) -> Int {
        ids.firstIndex { orAt ? $0 >= last : $0 > last } ?? 0
    }
}

extension Selector where Self == RoundRobinSelector {
    /// Picks the nodes of a service one after the other.
    public static var roundRobin: Self { RoundRobinSelector() }
}
