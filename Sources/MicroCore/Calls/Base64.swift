/// Base64 of RFC 4648, section 4, as binary metadata and broker envelopes use it.
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
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var buffer: UInt32 = 0
        var bits: UInt32 = 0
        for byte in bytes {
            buffer = (buffer << 8 | UInt32(byte)) & 0xFFFF
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(alphabet[Int(buffer >> bits & 0x3F)])
            }
        }
        if bits > 0 { text.append(alphabet[Int(buffer << (6 - bits) & 0x3F)]) }
        while padding && text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
        return text
    }

    /// Returns the bytes of a text, with or without padding.
    ///
    /// - Parameter text: ASCII text.
    /// - Returns: The bytes, or `nil` if a character is outside the alphabet or the length is
    ///   impossible.
    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3 + 2)
        var buffer: UInt32 = 0
        var bits: UInt32 = 0
        var count = 0
        var padding = 0
        for character in text {
            if character == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            let value = values[Int(character)]
            guard value != 0xFF, padding == 0 else { return nil }
            count += 1
            buffer = (buffer << 6 | UInt32(value)) & 0xFFFF
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: buffer >> bits))
            }
        }
        guard count % 4 != 1, padding <= 2 else { return nil }
        return bytes
    }
}
