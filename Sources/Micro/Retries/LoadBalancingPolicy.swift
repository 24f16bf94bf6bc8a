/// A policy of `loadBalancingConfig`, of which only the name counts.
///
/// An object with one member, whose name is the policy's. What gRPC puts around other policies, such as its outlier
/// detection, is what our clients do anyway, so that the policy inside counts.
struct LoadBalancingPolicy: Decodable {
    /// The selectors by gRPC's names of policies.
    static let selectors = [
        "pick_first": "sticky", "round_robin": "roundrobin", "least_request_experimental": "leastloaded",
        "weighted_round_robin": "weighted", "weighted_round_robin_experimental": "weighted",
        "ring_hash_experimental": "hash", "random_experimental": "random",
    ]

    /// Policies that have others inside.
    private static let outer: Set = [
        "outlier_detection_experimental", "random_subsetting_experimental",
    ]

    /// The name; empty if it has none.
    let name: String

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }

        init?(intValue: Int) { nil }
    }

    private struct Inside: Decodable {
        var childPolicy: [LoadBalancingPolicy]?
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        guard let key = container.allKeys.first else {
            name = ""
            return
        }
        let inside =
            Self.outer.contains(key.stringValue) ? try container.decode(Inside.self, forKey: key) : nil
        let known = inside?.childPolicy?.first { Self.selectors[$0.name] != nil }
        name = known?.name ?? key.stringValue
    }
}
