internal import Logging
public import MicroCore
internal import Synchronization

/// Sends calls with the same key to the same node, as long as that isn't overloaded: `MICRO_SELECTOR=hash`.
///
/// The key is a call's ``CallOptions/routingKey``, or else a field of its metadata. Nodes are ranked for each key by
/// rendezvous hashing, alike in all clients: a node that comes or goes moves no keys but its own. A node takes at most a
/// quarter more calls than the average at once (`MICRO_SELECTOR_HASH_LOAD`); beyond that, calls go to the next one in the
/// key's ranking. A call without a key goes to any node.
///
/// A choice looks at every node. For services of hundreds of nodes combine it with `MICRO_SELECTOR_SUBSET`.
public final class HashSelector: Selector {
    static let keySetting = Setting<String?>(
        "hash.key", .text("the name of a metadata field"), without: "none: calls say it by an option",
        "calls with the same value of this field go to the same node")
    static let loadSetting = Setting(
        "hash.load", .number(in: 101...10_000), default: 125,
        "how many calls a node has in flight at most before a key goes elsewhere, in percent of the average")

    private let key: String?
    private let load: Double
    private let random = SharedRandom()
    private let hasWarned = Atomic(false)

    /// Creates a selector.
    ///
    /// - Parameters:
    ///   - key: The metadata field that is the key of calls which don't give one by an option.
    ///   - load: How many times the average number of calls in flight a node may have, at least 1.01.
    public init(key: String? = nil, load: Double = 1.25) {
        self.key = key
        self.load = load >= 1.01 && load.isFinite ? load : 1.25
    }

    /// Calls in flight are measured.
    public var signals: SelectionSignals { .callsInFlight }

    /// Picks the node of the call's key.
    public func choose(from candidates: Candidates, for call: SelectionContext) -> Int? {
        guard candidates.count > 1 else { return candidates.isEmpty ? nil : 0 }
        guard let key = call.key(field: key) else {
            warnOnce(call)
            return random.position(below: candidates.count)
        }
        let hash = StableHash.of(key)
        let nodes = hashes(candidates, call)
        let best = Self.best(of: nodes, hash) { _ in true } ?? 0
        // Most of the time the node is idle, and no limit is below one call.
        guard candidates[best].callsInFlight > 0 else { return best }
        let total = candidates.reduce(1) { $0 + $1.callsInFlight }
        let limit = Int((load * Double(total) / Double(candidates.count)).rounded(.up))
        if candidates[best].callsInFlight < limit { return best }
        return Self.best(of: nodes, hash) { candidates[$0].callsInFlight < limit } ?? best
    }

    private func hashes(_ candidates: Candidates, _ call: SelectionContext) -> [UInt64] {
        // A list for another attempt is made for this call alone, and nothing is worth keeping for it.
        guard call.tried.isEmpty else { return NodeHashes(candidates.lazy.map(\.node.id)).all }
        return candidates.derived(for: self) { NodeHashes(candidates.lazy.map(\.node.id)) }.all
    }

    private static func best(
        of nodes: [UInt64], _ key: UInt64, where isFit: (Int) -> Bool
    ) -> Int? {
        var best: Int?
        var highest: UInt64 = 0
        for (position, node) in nodes.enumerated() {
            let score = StableHash.score(node, key)
            if best == nil || score > highest, isFit(position) { (best, highest) = (position, score) }
        }
        return best
    }

    private func warnOnce(_ call: SelectionContext) {
        guard !hasWarned.load(ordering: .relaxed),
            !hasWarned.exchange(true, ordering: .relaxed)
        else { return }
        let wanted = key.map { "has no metadata field \"\($0.printable(limit: 100))\" and no routing key" }
        Logger.current.warning(
            "A call \(wanted ?? "has no routing key, and MICRO_SELECTOR_HASH_KEY is not set"); such calls go to any node.",
            metadata: [
                LogKeys.service: "\(call.service.printable(limit: 100))",
                LogKeys.endpoint: "\(call.endpoint.printable(limit: 100))",
            ])
    }
}

extension SelectionContext {
    /// Returns what the call is about: what its options say, or the value of a metadata field.
    func key(field: String?) -> String? {
        if let key, !key.isEmpty { return key }
        guard let field, let value = metadata[field], !value.isEmpty else { return nil }
        return value
    }
}

extension Selector where Self == HashSelector {
    /// Sends calls with the same value of a metadata field, or the same routing key, to the same node.
    ///
    /// - Parameter key: The metadata field.
    /// - Returns: The selector.
    public static func hash(key: String? = nil) -> Self { HashSelector(key: key) }
}
