/// Hashes that are the same in every process, so that all clients send what belongs together to the same node.
enum StableHash {
    /// Returns the hash of a text (FNV-1a, mixed).
    static func of(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return mix(hash)
    }

    /// Returns a hash of which every bit depends on every bit of a number (SplitMix64's finalizer).
    static func mix(_ number: UInt64) -> UInt64 {
        var value = number
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// Returns how well a node suits a key: in rendezvous hashing the node with the highest score is taken, so that a
    /// node which comes or goes moves no keys but its own.
    static func score(_ node: UInt64, _ key: UInt64) -> UInt64 { mix(node ^ key) }
}

/// The hashes of the nodes of one list, in its order.
final class NodeHashes: Sendable {
    let all: [UInt64]

    init(_ ids: some Sequence<String>) { all = ids.map(StableHash.of) }
}
