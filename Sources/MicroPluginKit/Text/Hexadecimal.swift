/// Bytes as pairs of digits.
enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    /// Writes bytes as lower-case digits.
    ///
    /// - Parameter bytes: The bytes.
    /// - Returns: Two digits for each.
    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }

    /// Reads digits of either case.
    ///
    /// - Parameter text: The digits.
    /// - Returns: A byte for each pair.
    /// - Throws: ``TextFormatError/badHexadecimal`` if it has anything else, or an odd number of them.
    static func decode(_ text: [UInt8]) throws(TextFormatError) -> [UInt8] {
        guard text.count.isMultiple(of: 2) else { throw .badHexadecimal }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2)
        for start in stride(from: 0, to: text.count, by: 2) {
            guard let high = value(text[start]), let low = value(text[start + 1]) else {
                throw .badHexadecimal
            }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
