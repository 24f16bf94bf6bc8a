/// What it costs to read texts: the two measures by which it is bounded.
///
/// A datagram holds 32 KiB of compressed text, from which zlib can make 32 MiB, in which three bytes can be an
/// element of a hundred bytes in memory. So neither the size of what comes in nor that of the JSON alone says
/// what a packet costs.
struct TextCost: Hashable, Sendable {
    /// The bytes of inflated JSON.
    var bytes = 0

    /// The objects, arrays and map entries in it.
    var elements = 0

    /// The most that one node's text may cost, and all new ones of a packet together; what we write keeps to it
    /// as well.
    ///
    /// The record of a go-micro service with 1,000 endpoints, each with messages of a handful of fields,
    /// inflates to 1.3 to 1.9 MB with 30,000 elements.
    static let node = TextCost(bytes: 2 << 20, elements: 1 << 16)

    /// Whether it is more than a limit in one of the measures.
    func exceeds(_ limit: TextCost) -> Bool { bytes > limit.bytes || elements > limit.elements }

    /// Returns the lower of two limits in each measure.
    func lower(_ other: TextCost) -> TextCost {
        TextCost(bytes: min(bytes, other.bytes), elements: min(elements, other.elements))
    }

    static func + (left: TextCost, right: TextCost) -> TextCost {
        TextCost(bytes: left.bytes + right.bytes, elements: left.elements + right.elements)
    }

    static func - (left: TextCost, right: TextCost) -> TextCost {
        TextCost(bytes: left.bytes - right.bytes, elements: left.elements - right.elements)
    }
}
