/// Bytes as pairs of hexadecimal digits.
package enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    /// Writes bytes as lower-case digits.
    ///
    /// - Parameter bytes: The bytes.
    /// - Returns: Two digits for each.
    package static func encode(_ bytes: [UInt8]) -> [UInt8] {
        bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }

    /// Reads digits of either case.
    ///
    /// - Parameter text: The digits.
    /// - Returns: A byte for each pair; `nil` if there is anything else, or an odd number of them.
    package static func decode(_ text: [UInt8]) -> [UInt8]? {
        guard text.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2)
        for start in stride(from: 0, to: text.count, by: 2) {
            guard let byte = byte(text[start], text[start + 1]) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    /// Returns the byte that a pair of digits stands for, if both are digits.
    static func byte(_ high: UInt8, _ low: UInt8) -> UInt8? {
        guard let high = value(of: high), let low = value(of: low) else { return nil }
        return high << 4 | low
    }

    private static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
