/// Base64 of RFC 4648, section 4, as binary metadata and event envelopes use it.
package enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The six bits of each character, or 0xFF for a character outside the alphabet.
    ///
    /// The URL-safe characters are accepted as well, since some peers send them.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        values[Int(UInt8(ascii: "-"))] = 62
        values[Int(UInt8(ascii: "_"))] = 63
        return values
    }()

    /// Returns the text of some bytes.
    ///
    /// - Parameters:
    ///   - bytes: The bytes to encode.
    ///   - padding: Whether the text is filled up to a multiple of four with `=`.
    /// - Returns: The ASCII text.
    package static func encode(_ bytes: some Collection<UInt8>, padding: Bool) -> [UInt8] {
        var text: [UInt8] = []
        append(Array(bytes).span.bytes, padding: padding, to: &text)
        return text
    }

    /// Appends the text of some bytes.
    ///
    /// - Parameters:
    ///   - bytes: The bytes to encode.
    ///   - padding: Whether the text is filled up to a multiple of four with `=`.
    ///   - text: What the ASCII text is appended to.
    package static func append(_ bytes: RawSpan, padding: Bool, to text: inout [UInt8]) {
        let (groups, rest) = bytes.byteCount.quotientAndRemainder(dividingBy: 3)
        let size = groups * 4 + (rest == 0 ? 0 : padding ? 4 : rest + 1)
        var output = text.count
        text.append(contentsOf: repeatElement(UInt8(ascii: "="), count: size))
        let alphabet = alphabet.span
        var characters = text.mutableSpan
        for group in 0..<groups {
            let value =
                octet(bytes, group * 3) << 16 | octet(bytes, group * 3 + 1) << 8 | octet(bytes, group * 3 + 2)
            characters[output] = alphabet[value >> 18]
            characters[output + 1] = alphabet[value >> 12 & 0x3F]
            characters[output + 2] = alphabet[value >> 6 & 0x3F]
            characters[output + 3] = alphabet[value & 0x3F]
            output += 4
        }
        guard rest > 0 else { return }
        let value = octet(bytes, groups * 3) << 16 | (rest == 2 ? octet(bytes, groups * 3 + 1) << 8 : 0)
        for position in 0...rest {
            characters[output + position] = alphabet[value >> (18 - 6 * position) & 0x3F]
        }
    }

    /// Returns the bytes of a text, with or without padding.
    ///
    /// - Parameter text: ASCII text.
    /// - Returns: The bytes, or `nil` if a character is outside the alphabet or the length is
    ///   impossible.
    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        let text = Array(text)
        let padding = text.suffix(2).count { $0 == UInt8(ascii: "=") }
        let (groups, rest) = (text.count - padding).quotientAndRemainder(dividingBy: 4)
        guard rest != 1 else { return nil }
        let size = groups * 3 + max(0, rest - 1)
        var bytes = [UInt8](repeating: 0, count: size)
        guard decode(text.span.bytes, groups: groups, rest: rest, to: bytes.mutableSpan) else { return nil }
        return bytes
    }

    private static func decode(
        _ text: RawSpan, groups: Int, rest: Int, to bytes: consuming MutableSpan<UInt8>
    ) -> Bool {
        let values = values.span
        func value(_ position: Int) -> Int { Int(values[octet(text, position)]) }
        // A character outside the alphabet has more than six bits.
        var seen = 0
        for group in 0..<groups {
            let (first, second) = (value(group * 4), value(group * 4 + 1))
            let (third, fourth) = (value(group * 4 + 2), value(group * 4 + 3))
            seen |= first | second | third | fourth
            let joined = first << 18 | second << 12 | third << 6 | fourth
            bytes[group * 3] = UInt8(truncatingIfNeeded: joined >> 16)
            bytes[group * 3 + 1] = UInt8(truncatingIfNeeded: joined >> 8)
            bytes[group * 3 + 2] = UInt8(truncatingIfNeeded: joined)
        }
        var joined = 0
        for position in 0..<rest {
            let value = value(groups * 4 + position)
            seen |= value
            joined |= value << (18 - 6 * position)
        }
        for position in 0..<max(0, rest - 1) {
            bytes[groups * 3 + position] = UInt8(truncatingIfNeeded: joined >> (16 - 8 * position))
        }
        return seen < 64
    }

    /// Reads a byte; sound because the offset is checked, and any byte is a `UInt8`.
    private static func octet(_ bytes: RawSpan, _ position: Int) -> Int {
        Int(bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self))
    }
}
