public import MicroCore
internal import Synchronization

/// Picks any node, each as likely as the others.
public struct RandomSelector: Selector {
    private let state: RandomState

    /// Creates a selector.
    public init() { state = RandomState(seed: UInt64.random(in: .min ... .max)) }

    /// Picks a node.
    public func choose(from candidates: Candidates, for call: SelectionContext) -> Int? {
        // The product's high half is a number below the count, without the bias or the division of a
        // remainder that would matter.
        Int(state.next().multipliedFullWidth(by: UInt64(candidates.count)).high)
    }
}

/// A generator of random numbers that all threads share without a lock or a system call (SplitMix64).
private final class RandomState: Sendable {
    private let state: Atomic<UInt64>

    init(seed: UInt64) { state = Atomic(seed) }

    func next() -> UInt64 {
        var value = state.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// Picks the nodes of a service one after the other.
public final class RoundRobinSelector: Selector {
    /// The number of services whose turn is remembered; beyond it, all begin anew.
    private static let limit = 1024

    private let turns = Mutex<[String: Int]>([:])

    /// Creates a selector.
    public init() {}

    /// Picks the next node.
    public func choose(from candidates: Candidates, for call: SelectionContext) -> Int? {
        let count = candidates.count
        guard count > 0 else { return nil }
        return turns.withLock { turns in
            if turns.count > Self.limit { turns = [:] }
            // The first turn is a random one, so clients that start together don't march in step.
            let turn = turns[call.service] ?? Int.random(in: 0..<count)
            turns[call.service] = turn == .max ? 0 : turn + 1
            return turn % count
        }
    }
}

extension Selector where Self == RandomSelector {
    /// Picks any node, each as likely as the others.
    public static var random: Self { RandomSelector() }
}

extension Selector where Self == RoundRobinSelector {
    /// Picks the nodes of a service one after the other.
    public static var roundRobin: Self { RoundRobinSelector() }
}
