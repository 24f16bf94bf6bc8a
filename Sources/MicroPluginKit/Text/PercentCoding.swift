/// Percent-encoding (RFC 3986, section 2.1), of which each protocol has its own set of bytes that need none.
public enum PercentCoding {
    private static let digits = Array("0123456789ABCDEF".utf8)
    private static let mark = UInt8(ascii: "%")

    /// Encodes bytes.
    ///
    /// - Parameters:
    ///   - bytes: What to encode.
    ///   - isPlain: Whether a byte stays as it is; it gets the byte's position as well. `%` must not stay.
    /// - Returns: The bytes, with `%XX` for those that are not plain.
    public static func encode(
        _ bytes: some Collection<UInt8>, isPlain: (_ position: Int, _ byte: UInt8) -> Bool
    ) -> [UInt8] {
        var encoded: [UInt8] = []
        encoded.reserveCapacity(bytes.count)
        for (position, byte) in bytes.enumerated() {
            if isPlain(position, byte) {
                encoded.append(byte)
            } else {
                encoded += [mark, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return encoded
    }

    /// Decodes bytes; what isn't well-formed stays as it is.
    ///
    /// - Parameter bytes: What to decode.
    /// - Returns: The bytes, with those that `%XX` stands for.
    public static func decode(_ bytes: some Sequence<UInt8>) -> [UInt8] { scan(bytes).decoded }

    /// Decodes bytes that must be well-formed.
    ///
    /// - Parameter bytes: What to decode.
    /// - Returns: The bytes; `nil` if there is a `%` without two hexadecimal digits behind it.
    public static func decodeStrictly(_ bytes: some Sequence<UInt8>) -> [UInt8]? {
        let (decoded, isWellFormed) = scan(bytes)
        return isWellFormed ? decoded : nil
    }

    private static func scan(_ bytes: some Sequence<UInt8>) -> (decoded: [UInt8], isWellFormed: Bool) {
        var decoded: [UInt8] = []
        var isWellFormed = true
        var rest = Array(bytes)[...]
        decoded.reserveCapacity(rest.count)
        while let byte = rest.popFirst() {
            if byte == mark, let value = value(of: rest.prefix(2)) {
                decoded.append(value)
                rest = rest.dropFirst(2)
            } else {
                if byte == mark { isWellFormed = false }
                decoded.append(byte)
            }
        }
        return (decoded, isWellFormed)
    }

    private static func value(of digits: ArraySlice<UInt8>) -> UInt8? {
        guard digits.count == 2, let high = digits.first, let low = digits.last else { return nil }
        return Hexadecimal.byte(high, low)
    }
}
