/// A generator of the same numbers for the same seed in each run (Vigna's SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// Creates a generator.
    init(_ seed: UInt64) { state = seed }

    /// Creates a generator for one of many things that share a seed.
    init(_ seed: UInt64, _ stream: Int) {
        state = seed
        state = next() &+ UInt64(bitPattern: Int64(stream)) &* 0xD1B5_4A32_D192_ED03
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Whether something comes about that does so with a probability; draws one number, whatever that is.
    mutating func happens(_ probability: Double) -> Bool {
        Double(next() >> 11) / Double(1 << 53 as UInt64) < probability
    }
}
