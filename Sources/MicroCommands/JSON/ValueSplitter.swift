/// Splits a text into JSON values, each of which ends with its line: newline-delimited JSON, and values that
/// stand on several lines.
struct ValueSplitter {
    private var pending: [UInt8] = []
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    private var isBlank = true

    /// The number of bytes of the value that has begun.
    var pendingCount: Int { pending.count }

    /// Takes more of the text.
    ///
    /// - Parameter bytes: The next bytes, cut anywhere.
    /// - Returns: The values that are complete. Whether each is JSON is for the reader to see.
    mutating func values(_ bytes: some Sequence<UInt8>) -> [[UInt8]] {
        var values: [[UInt8]] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n"), depth <= 0 || isInString {
                // No string has a line break in it, so a quote that is missing ends with its line as well.
                if let value = end() { values.append(value) }
                continue
            }
            pending.append(byte)
            look(at: byte)
        }
        return values
    }

    /// Ends the text.
    ///
    /// - Returns: The value that had no line break behind it, if there is one.
    mutating func end() -> [UInt8]? {
        defer { self = ValueSplitter() }
        return isBlank ? nil : pending
    }

    private mutating func look(at byte: UInt8) {
        if isInString {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
            }
            return
        }
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"): return
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
        default: break
        }
        isBlank = false
    }
}
