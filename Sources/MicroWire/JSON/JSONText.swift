package import MicroCore

/// JSON text that is written key by key, in the order and with the escapes of Go's `encoding/json`.
///
/// Records of a registry and errors must look as go-micro's do, down to the order of keys and
/// explicit nulls, which a general encoder doesn't promise.
package struct JSONText {
    /// The UTF-8 text so far.
    package private(set) var bytes: [UInt8] = []

    /// Creates an empty text.
    package init() {}

    /// Appends text as it is.
    package mutating func raw(_ text: String) { bytes.append(contentsOf: text.utf8) }

    /// Appends a string with quotes and escapes.
    package mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        if text.utf8.contains(where: Self.needsLook) {
            for scalar in text.unicodeScalars { escaped(scalar) }
        } else {
            bytes.append(contentsOf: text.utf8)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Whether a byte is escaped, or may begin a scalar that is.
    private static func needsLook(_ byte: UInt8) -> Bool {
        switch byte {
        case 0..<0x20, UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "<"), UInt8(ascii: ">"),
            UInt8(ascii: "&"), 0xE2:
            true
        default: false
        }
    }

    private mutating func escaped(_ scalar: Unicode.Scalar) {
        switch scalar {
        case "\"": raw("\\\"")
        case "\\": raw("\\\\")
        case "\n": raw("\\n")
        case "\r": raw("\\r")
        case "\t": raw("\\t")
        case "<", ">", "&", "\u{2028}", "\u{2029}", "\u{0}"..."\u{1F}": unicodeEscape(scalar.value)
        default: bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
    }

    /// Appends the payload of a message in base64, without quotes.
    package mutating func base64(_ message: EncodedMessage) {
        message.withBytes { Base64.append($0, padding: true, to: &bytes) }
    }

    /// Appends an object with string values, sorted by key, or `null`.
    package mutating func map(_ map: [String: String]?) {
        guard let map else { return raw("null") }
        raw("{")
        for (position, (key, value)) in map.sorted(by: { $0.key < $1.key }).enumerated() {
            if position > 0 { raw(",") }
            string(key)
            raw(":")
            string(value)
        }
        raw("}")
    }

    /// Appends an array, or `null`.
    package mutating func array<Element>(
        _ elements: [Element]?, _ write: (inout JSONText, Element) -> Void
    ) {
        guard let elements else { return raw("null") }
        raw("[")
        for (position, element) in elements.enumerated() {
            if position > 0 { raw(",") }
            write(&self, element)
        }
        raw("]")
    }

    private mutating func unicodeEscape(_ value: UInt32) {
        let digits = String(value, radix: 16)
        raw("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
    }
}
