/// The bytes that names and values of fields may have (RFC 9110, section 5; RFC 9113, section 8.2.1).
package enum FieldBytes {
    /// Whether a value has none but printable bytes, tabs, and those above ASCII.
    static func areValue(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
        // Tabs are rare, and are looked for only where something is there that may be one.
        noneIsControl(value, below: 0x20)
            || value.allSatisfy { byte in byte >= 0x20 && byte != 0x7F || byte == 0x09 }
    }

    /// Whether a value has no spaces either, as a path has none.
    static func areVisible(_ value: UnsafeBufferPointer<UInt8>) -> Bool { noneIsControl(value, below: 0x21) }

    /// Whether no byte is less than a bound, and none is DEL.
    ///
    /// It looks at eight bytes at once: what is subtracted from a byte borrows from its highest bit only if the byte
    /// is less, and a byte that had that bit itself is left out. A borrow goes on to the next byte only behind one
    /// that is found anyway.
    private static func noneIsControl(_ value: UnsafeBufferPointer<UInt8>, below bound: UInt8) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let bytes = UnsafeRawBufferPointer(value)
        var found: UInt64 = 0
        var index = 0
        while index &+ 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let fromDelete = word ^ (ones &* 0x7F)
            found |= (word &- ones &* UInt64(bound)) & ~word
            found |= (fromDelete &- ones) & ~fromDelete
            index &+= 8
        }
        var isGood = found & (ones &* 0x80) == 0
        while index < bytes.count {
            isGood = isGood && bytes[index] >= bound && bytes[index] != 0x7F
            index &+= 1
        }
        return isGood
    }

    /// Whether a name is a token without upper case.
    static func areName(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        guard !name.isEmpty else { return false }
        for byte in name where !(byte &- 0x61 < 26 || byte == UInt8(ascii: "-")) {
            guard isToken(byte), !(byte &- 0x41 < 26) else { return false }
        }
        return true
    }

    /// Whether a byte may be in a token.
    static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x61...0x7A, 0x41...0x5A, 0x30...0x39: true
        case UInt8(ascii: "!"), UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^")...UInt8(ascii: "`"), UInt8(ascii: "|"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }

    /// Whether a byte may be in an authority (RFC 3986, section 3.2).
    static func isAuthority(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x61...0x7A, 0x41...0x5A, 0x30...0x39: true
        case UInt8(ascii: "!"), UInt8(ascii: "$")...UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: ";"),
            UInt8(ascii: "="), UInt8(ascii: "@"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }

    /// Whether a value is a scheme (RFC 3986, section 3.1).
    static func isScheme(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let first = value.first, (first | 0x20) &- 0x61 < 26 else { return false }
        return value.allSatisfy { byte in
            (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10 || byte == UInt8(ascii: "+")
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
        }
    }

    /// Whether a value begins or ends with a space or a tab.
    static func hasWhiteSpaceAtEdge(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let first = value.first, let last = value.last else { return false }
        return isWhiteSpace(first) || isWhiteSpace(last)
    }

    /// Whether a byte is a space or a tab.
    @inlinable
    package static func isWhiteSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// Whether a value is `trailers`, in any case.
    static func isTrailers(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
        if value.equals("trailers") { return true }
        return value.count == 8 && zip(value, "trailers".utf8).allSatisfy { $0 | 0x20 == $1 }
    }

    /// Reads a number of digits alone; `nil` if it is none, or too great.
    static func number(_ value: UnsafeBufferPointer<UInt8>) -> Int64? {
        guard !value.isEmpty else { return nil }
        var number: Int64 = 0
        for byte in value {
            guard byte &- 0x30 < 10 else { return nil }
            let (tenfold, overflow) = number.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tenfold.addingReportingOverflow(Int64(byte &- 0x30))
            guard !overflow, !carry else { return nil }
            number = sum
        }
        return number
    }
}
