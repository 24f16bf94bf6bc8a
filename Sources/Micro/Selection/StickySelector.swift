public import MicroCore
internal import Synchronization

/// Stays with a node as long as that can be called: `MICRO_SELECTOR=sticky`.
///
/// The first node of a service is a random one. When it is gone, down or ejected, another one is picked, and the
/// selector stays with that, also when the first is back. With a key (`MICRO_SELECTOR_STICKY_KEY`, or
/// ``CallOptions/routingKey``) each value of the key has a node of its own.
///
/// Unlike ``HashSelector`` each client decides for itself, and new nodes take nothing over from old ones.
public final class StickySelector: Selector {
    static let keySetting = Setting<String?>(
        "sticky.key", .text("the name of a metadata field"), without: "none: a client has one node",
        "calls with the same value of this field stay with one node")

    /// The positions of a list's nodes by their ids, and the one that calls without a key go to.
    private final class Places: Sendable {
        let positions: [String: Int]
        let usual: Int

        init(_ ids: [String], usual: Int) {
            positions = Dictionary(zip(ids, 0...)) { first, _ in first }
            self.usual = usual
        }
    }

    private let key: String?
    private let random = SharedRandom()
    private let services = Mutex(RecentValues<String>(limit: 1024))
    private let keys = Mutex(RecentValues<String>(limit: 10_000))

    /// Creates a selector.
    ///
    /// - Parameter key: The metadata field whose values have nodes of their own; `nil` for one node for all calls.
    public init(key: String? = nil) { self.key = key }

    /// Picks the node with which the client, or the call's key, stays.
    public func choose(from candidates: Candidates, for call: SelectionContext) -> Int? {
        guard !candidates.isEmpty else { return nil }
        // Another attempt goes anywhere, and changes nothing: whether the node is down is not the selector's to find out.
        guard call.tried.isEmpty else { return random.position(below: candidates.count) }
        let places: Places = candidates.derived(for: self) { self.places(candidates, call.service) }
        guard let value = call.key(field: key) else { return places.usual }
        let name = "\(call.service)\0\(StableHash.of(value))"
        return keys.withLock { keys in
            if let id = keys[name], let position = places.positions[id] { return position }
            let position = random.position(below: candidates.count)
            keys[name] = candidates[position].node.id
            return position
        }
    }

    private func places(_ candidates: Candidates, _ service: String) -> Places {
        let ids = candidates.map(\.node.id)
        let usual = services.withLock { services in
            if let id = services[service], let position = ids.firstIndex(of: id) { return position }
            let position = random.position(below: ids.count)
            services[service] = ids[position]
            return position
        }
        return Places(ids, usual: usual)
    }
}

extension Selector where Self == StickySelector {
    /// Stays with a node as long as that can be called.
    ///
    /// - Parameter key: The metadata field whose values have nodes of their own; `nil` for one node for all calls.
    /// - Returns: The selector.
    public static func sticky(key: String? = nil) -> Self { StickySelector(key: key) }
}
