import Synchronization

/// A generator of random numbers that all threads share without a lock or a system call (SplitMix64).
final class SharedRandom: Sendable {
    private let state: Atomic<UInt64>

    init(seed: UInt64 = UInt64.random(in: .min ... .max)) { state = Atomic(seed) }

    /// Returns the next number.
    func next() -> UInt64 {
        StableHash.mix(state.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue)
    }

    /// Returns a number from 0 to below a count, each as likely as the others.
    func position(below count: Int) -> Int { Self.position(next(), below: count) }

    /// Returns two different numbers below a count, which is at least 2.
    func pair(below count: Int) -> (Int, Int) {
        let bits = next()
        let one = Self.position(bits, below: count)
        let other = Self.position(StableHash.mix(bits), below: count - 1)
        return (one, other < one ? other : other + 1)
    }

    /// Returns whether something happens that has a probability.
    func happens(_ probability: Double) -> Bool {
        Double(next() >> 11) * 0x1p-53 < probability
    }

    /// The product's high half is a number below the count, without the division of a remainder, nor its bias that would
    /// matter.
    private static func position(_ bits: UInt64, below count: Int) -> Int {
        Int(bits.multipliedFullWidth(by: UInt64(count)).high)
    }
}
