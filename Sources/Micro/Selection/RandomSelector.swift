public import MicroCore

/// Picks any node, each as likely as the others: `MICRO_SELECTOR=random`, the default.
public struct RandomSelector: Selector {
    private let random = SharedRandom()

    /// Creates a selector.
    public init() {}

    /// Picks a node.
    public func choose(from candidates: Candidates, for call: SelectionContext) -> Int? {
        random.position(below: candidates.count)
    }
}

extension Selector where Self == RandomSelector {
    /// Picks any node, each as likely as the others.
    public static var random: Self { RandomSelector() }
}
