/// Random numbers that are the same in each run (SplitMix64).
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// Creates a generator.
    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// Returns a packet in which some bytes have changed, gone or come.
    package mutating func mutated(_ packet: [UInt8]) -> [UInt8] {
        var packet = packet
        for _ in 0...Int.random(in: 0..<6, using: &self) {
            let position = Int.random(in: 0..<packet.count, using: &self)
            switch Int.random(in: 0..<3, using: &self) {
            case 0: packet[position] = .random(in: .min ... .max, using: &self)
            case 1: packet.remove(at: position)
            default: packet.insert(.random(in: .min ... .max, using: &self), at: position)
            }
        }
        return packet
    }
}
