/// Reads JSON piece by piece, with bounds on how deep it is nested and on how many elements it has.
///
/// A general decoder builds a tree of everything before anybody can look at it; three bytes of `{},` then cost
/// microseconds and a hundred bytes of memory each. This reader takes what it is asked for, skips the rest, and
/// stops as soon as a bound is passed, so a text costs time and memory in proportion to its length.
///
/// It accepts what Go accepts: keys in any order and case, unknown ones, and of two equal ones the last.
package struct JSONReader {
    /// What a text may have at most.
    package struct Limits: Hashable, Sendable {
        /// How many objects and arrays may lie in each other.
        package var depth: Int

        /// The number of elements: objects, arrays, and members of objects with any key.
        package var elements: Int

        /// Creates limits.
        package init(depth: Int = 64, elements: Int) { (self.depth, self.elements) = (depth, elements) }
    }

    /// What is wrong with a text.
    package enum Fault: Error, Hashable, CustomStringConvertible {
        /// It isn't JSON, or another kind of value stands where this byte is.
        case malformed(offset: Int)

        /// Objects and arrays lie too deep in each other.
        case tooDeep(limit: Int)

        /// It has more elements than are read.
        case tooManyElements(limit: Int)

        /// The fault in words.
        package var description: String {
            switch self {
            case .malformed(let offset): "it is not the expected JSON at byte \(offset)"
            case .tooDeep(let limit): "objects and arrays are nested more than \(limit) levels deep"
            case .tooManyElements(let limit): "it has more than \(limit) objects, arrays and entries"
            }
        }
    }

    /// The key of an object's member.
    package struct Key {
        fileprivate let bytes: ArraySlice<UInt8>

        /// Whether it is a name, without regard to the case of ASCII letters.
        @inline(__always)
        package func matches(_ name: StaticString) -> Bool {
            bytes.count == name.utf8CodeUnitCount && (isExactly(name) || isCaseInsensitively(name))
        }

        /// Sound because the name has as many bytes as the key.
        @inline(__always)
        private func isExactly(_ name: StaticString) -> Bool {
            var position = bytes.startIndex
            for offset in 0..<name.utf8CodeUnitCount {
                guard bytes[position] == name.utf8Start[offset] else { return false }
                position += 1
            }
            return true
        }

        private func isCaseInsensitively(_ name: StaticString) -> Bool {
            name.withUTF8Buffer { name in
                zip(bytes, name).allSatisfy { $0 == $1 || ($0 ^ $1 == 0x20 && 0x61...0x7A ~= $0 | 0x20) }
            }
        }
    }

    private let text: [UInt8]
    private let limits: Limits
    private var position: Int
    private var depth = 0

    /// How many elements were read.
    package private(set) var elementCount = 0

    /// Creates a reader.
    ///
    /// - Parameters:
    ///   - text: UTF-8 text.
    ///   - position: Where the first value begins.
    ///   - limits: What it may have at most.
    package init(_ text: [UInt8], from position: Int = 0, limits: Limits) {
        (self.text, self.position, self.limits) = (text, position, limits)
    }

    // MARK: Values

    /// Reads an object, member by member.
    ///
    /// - Parameter member: Reads or skips the value of a key.
    /// - Throws: What is wrong with the text.
    package mutating func object(_ member: (inout Self, Key) throws(Fault) -> Void) throws(Fault) {
        try open(UInt8(ascii: "{"))
        if !accept(UInt8(ascii: "}")) {
            repeat {
                let key = Key(bytes: try stringBytes())
                try expect(UInt8(ascii: ":"))
                try member(&self, key)
            } while accept(UInt8(ascii: ","))
            try expect(UInt8(ascii: "}"))
        }
        depth -= 1
    }

    /// Reads an array, or `null`.
    ///
    /// - Parameter element: Reads an element.
    /// - Returns: The elements; `nil` for `null`.
    /// - Throws: What is wrong with the text.
    package mutating func array<Element>(
        _ element: (inout Self) throws(Fault) -> Element
    ) throws(Fault) -> [Element]? {
        guard !acceptNull() else { return nil }
        var elements: [Element] = []
        try eachElement { reader throws(Fault) in elements.append(try element(&reader)) }
        return elements
    }

    /// Reads an object with string values, or `null`; a null in it is an empty string.
    package mutating func stringMap() throws(Fault) -> [String: String]? {
        guard !acceptNull() else { return nil }
        var map: [String: String] = [:]
        try object { reader, key throws(Fault) in
            let start = reader.position
            try reader.countElement()
            guard let name = Self.text(key.bytes) else { throw .malformed(offset: start) }
            map[name] = try reader.string()
        }
        return map
    }

    /// Reads a string; `null` is an empty one.
    package mutating func string() throws(Fault) -> String {
        guard !acceptNull() else { return "" }
        let start = position
        guard let string = Self.text(try stringBytes()) else { throw .malformed(offset: start) }
        return string
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String? {
        guard let text = try? UTF8Span(validating: bytes.span) else { return nil }
        return String(copying: text)
    }

    /// Reads a string's bytes, which need not be UTF-8.
    package mutating func stringBytes() throws(Fault) -> ArraySlice<UInt8> {
        try expect(UInt8(ascii: "\""))
        let start = position
        while position < text.count {
            switch text[position] {
            case UInt8(ascii: "\""):
                position += 1
                return text[start..<(position - 1)]
            case UInt8(ascii: "\\"): return try escapedBytes(from: start)
            case 0..<0x20: throw .malformed(offset: position)
            default: position += 1
            }
        }
        throw .malformed(offset: position)
    }

    /// Reads a whole number, or `null`.
    package mutating func integer() throws(Fault) -> Int? {
        guard !acceptNull() else { return nil }
        skipSpace()
        let start = position
        try skipNumber()
        guard let number = Int(String(decoding: text[start..<position], as: UTF8.self)) else {
            throw .malformed(offset: start)
        }
        return number
    }

    /// Reads `null`.
    ///
    /// - Returns: Whether it stood here.
    package mutating func acceptNull() -> Bool { accept(word: "null") }

    /// Skips a value of any kind.
    package mutating func skip() throws(Fault) {
        skipSpace()
        switch position < text.count ? text[position] : 0 {
        case UInt8(ascii: "{"): try object { reader, _ throws(Fault) in try reader.skip() }
        case UInt8(ascii: "["): try eachElement { reader throws(Fault) in try reader.skip() }
        case UInt8(ascii: "\""): _ = try stringBytes()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try skipNumber()
        default:
            guard accept(word: "null") || accept(word: "true") || accept(word: "false") else {
                throw .malformed(offset: position)
            }
        }
    }

    /// Checks that nothing but white space is left.
    package mutating func end() throws(Fault) {
        skipSpace()
        guard position == text.count else { throw .malformed(offset: position) }
    }

    /// Takes a piece of text that stands here to the byte.
    ///
    /// - Parameter word: The text.
    /// - Returns: Whether it stood here; if not, nothing is taken.
    package mutating func accept(word: String) -> Bool {
        skipSpace()
        let word = word.utf8
        guard word.count <= text.count - position else { return false }
        var end = position
        for byte in word {
            guard text[end] == byte else { return false }
            end += 1
        }
        position = end
        return true
    }

    // MARK: Tokens

    private mutating func eachElement(_ element: (inout Self) throws(Fault) -> Void) throws(Fault) {
        try open(UInt8(ascii: "["))
        if !accept(UInt8(ascii: "]")) {
            repeat { try element(&self) } while accept(UInt8(ascii: ","))
            try expect(UInt8(ascii: "]"))
        }
        depth -= 1
    }

    private mutating func open(_ bracket: UInt8) throws(Fault) {
        try expect(bracket)
        try countElement()
        depth += 1
        guard depth <= limits.depth else { throw .tooDeep(limit: limits.depth) }
    }

    private mutating func countElement() throws(Fault) {
        elementCount += 1
        guard elementCount <= limits.elements else { throw .tooManyElements(limit: limits.elements) }
    }

    private mutating func skipSpace() {
        while position < text.count {
            switch text[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    private mutating func accept(_ byte: UInt8) -> Bool {
        skipSpace()
        guard position < text.count, text[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ byte: UInt8) throws(Fault) {
        guard accept(byte) else { throw .malformed(offset: position) }
    }

    private mutating func skipNumber() throws(Fault) {
        let start = position
        if peek() == UInt8(ascii: "-") { position += 1 }
        let whole = skipDigits()
        guard whole == 1 || (whole > 1 && text[position - whole] != UInt8(ascii: "0")) else {
            throw .malformed(offset: start)
        }
        if peek() == UInt8(ascii: ".") {
            position += 1
            guard skipDigits() > 0 else { throw .malformed(offset: start) }
        }
        if peek() == UInt8(ascii: "e") || peek() == UInt8(ascii: "E") {
            position += 1
            if peek() == UInt8(ascii: "-") || peek() == UInt8(ascii: "+") { position += 1 }
            guard skipDigits() > 0 else { throw .malformed(offset: start) }
        }
    }

    private func peek() -> UInt8? { position < text.count ? text[position] : nil }

    private mutating func skipDigits() -> Int {
        let start = position
        while let digit = peek(), digit >= 0x30, digit <= 0x39 { position += 1 }
        return position - start
    }

    // MARK: Escapes

    /// Reads the rest of a string with escapes.
    private mutating func escapedBytes(from start: Int) throws(Fault) -> ArraySlice<UInt8> {
        var bytes = Array(text[start..<position])
        while let byte = peek() {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return bytes[...]
            case UInt8(ascii: "\\"): try escape(into: &bytes)
            case 0..<0x20: throw .malformed(offset: position - 1)
            default: bytes.append(byte)
            }
        }
        throw .malformed(offset: position)
    }

    private mutating func escape(into bytes: inout [UInt8]) throws(Fault) {
        guard let letter = peek() else { throw .malformed(offset: position) }
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(letter)
        case UInt8(ascii: "b"): bytes.append(0x08)
        case UInt8(ascii: "f"): bytes.append(0x0C)
        case UInt8(ascii: "n"): bytes.append(0x0A)
        case UInt8(ascii: "r"): bytes.append(0x0D)
        case UInt8(ascii: "t"): bytes.append(0x09)
        case UInt8(ascii: "u"):
            bytes.append(
                contentsOf: UTF8.encode(try unicodeScalar()) ?? UTF8.encodedReplacementCharacter)
        default: throw .malformed(offset: position - 1)
        }
    }

    /// Reads the digits of `\u`, and of a second one if they make a pair; half a pair is a replacement character.
    private mutating func unicodeScalar() throws(Fault) -> Unicode.Scalar {
        let first = try codeUnit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        let behind = position
        if first < 0xDC00, accept(escape: "\\u"), let second = try? codeUnit(), 0xDC00...0xDFFF ~= second,
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        {
            return scalar
        }
        position = behind
        return "\u{FFFD}"
    }

    private mutating func accept(escape: String) -> Bool {
        guard text[position...].starts(with: escape.utf8) else { return false }
        position += 2
        return true
    }

    private mutating func codeUnit() throws(Fault) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw .malformed(offset: position)
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
