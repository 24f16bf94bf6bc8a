internal import MicroCore

/// JSON text from outside, made safe to show.
///
/// JSON allows control characters of C1 and those that change the direction of writing as they are, and a
/// terminal obeys them. An escape means the same to every reader of JSON, so this is done for files and
/// programs as well.
enum JSONEscapes {
    /// Returns a text with each harmful scalar written as `\u009b`; line breaks and tabs stay.
    ///
    /// - Parameter text: UTF-8 text. In JSON the harmful scalars stand only in strings, so it stays JSON. What
    ///   is not UTF-8 is replaced.
    /// - Returns: The text.
    static func applied(to text: [UInt8]) -> [UInt8] {
        guard text.contains(where: isSuspicious) else { return text }
        var output: [UInt8] = []
        output.reserveCapacity(text.count + 64)
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            if scalar.isHarmless || scalar == "\n" || scalar == "\t" {
                output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            } else {
                for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
                    let digits = String(unit, radix: 16)
                    output.append(contentsOf: "\\u".utf8)
                    output.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: 4 - digits.utf8.count))
                    output.append(contentsOf: digits.utf8)
                }
            }
        }
        return output
    }

    private static func isSuspicious(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\n"), UInt8(ascii: "\t"), 0x20..<0x7F: false
        default: true
        }
    }
}
