internal import NIOCore

/// How much may be read of what others send: in one packet, from one source in a second, and from all.
///
/// Whatever is beyond it is dropped. Nodes announce themselves several times and are asked again, so a node that
/// was dropped has more chances.
struct TextBudget {
    /// The limits.
    struct Limits: Hashable {
        /// What the new texts of one packet may cost.
        var packet = TextCost.node

        /// What those of one source may cost in a second.
        var source = TextCost(bytes: 16 << 20, elements: 1 << 19)

        /// What all of them may cost in a second.
        var total = TextCost(bytes: 32 << 20, elements: 1 << 20)

        /// The most sources that are told apart in a second; others share one budget.
        var sources = 1024
    }

    private let limits: Limits
    private var packet: (number: Int, spent: TextCost) = (0, TextCost())
    private var sources: [String: TextCost] = [:]
    private var total = TextCost()
    private var windowEnd = NIODeadline.uptimeNanoseconds(0)

    /// Creates a budget of which nothing is spent.
    init(limits: Limits = Limits()) { self.limits = limits }

    /// Returns what a text may cost now.
    ///
    /// - Parameters:
    ///   - number: The packet that it came in. The texts of a packet are read one behind the other.
    ///   - source: The address that sent it.
    ///   - now: The time.
    /// - Returns: The cost; `nil` if nothing is left.
    mutating func rest(packet number: Int, source: String, now: NIODeadline) -> TextCost? {
        turn(now)
        if packet.number != number { packet = (number, TextCost()) }
        let spent = sources[key(source)] ?? TextCost()
        let rest = (limits.packet - packet.spent).lower(limits.source - spent).lower(limits.total - total)
        return rest.bytes > 0 && rest.elements > 0 ? rest : nil
    }

    /// Counts what was spent.
    ///
    /// - Parameters:
    ///   - cost: The cost.
    ///   - number: The packet.
    ///   - source: The address that sent it.
    ///   - now: The time.
    mutating func spend(_ cost: TextCost, packet number: Int, source: String, now: NIODeadline) {
        turn(now)
        if packet.number == number { packet.spent = packet.spent + cost }
        sources[key(source), default: TextCost()] = (sources[key(source)] ?? TextCost()) + cost
        total = total + cost
    }

    private mutating func turn(_ now: NIODeadline) {
        guard windowEnd <= now else { return }
        sources.removeAll(keepingCapacity: true)
        total = TextCost()
        windowEnd = now + .seconds(1)
    }

    private func key(_ source: String) -> String {
        sources[source] != nil || sources.count < limits.sources ? source : ""
    }
}
