import Synchronization

/// A number that may be set.
final class FloatCell: Sendable {
    private let bits = Atomic<UInt64>(0)

    var value: Double {
        get { Double(bitPattern: bits.load(ordering: .relaxed)) }
        set { bits.store(newValue.bitPattern, ordering: .relaxed) }
    }

    func add(_ amount: Double) {
        var known = bits.load(ordering: .relaxed)
        while true {
            let sum = (Double(bitPattern: known) + amount).bitPattern
            let (exchanged, original) = bits.compareExchange(
                expected: known, desired: sum, ordering: .relaxed)
            if exchanged { return }
            known = original
        }
    }
}
