/// Reads JSON text (RFC 8259) to check it or to indent it, and leaves its values as they are.
///
/// A decoder would lose the order of keys and the digits of numbers, and tells no column.
struct JSONLayout {
    /// How deep arrays and objects may nest; each level is one of the reader's own stack.
    private static let depthLimit = 256

    private let text: [UInt8]
    private var offset = 0
    private var depth = 0
    private var output: [UInt8] = []

    private init(_ text: [UInt8]) { self.text = text }

    /// Checks that a text is one JSON value.
    ///
    /// - Parameter text: UTF-8 text.
    /// - Throws: What is wrong, and where.
    static func check(_ text: [UInt8]) throws(JSONFault) { _ = try indented(text) }

    /// Returns a text with each element on a line of its own, indented with tabs.
    ///
    /// - Parameter text: UTF-8 text.
    /// - Returns: The text without a newline at its end.
    /// - Throws: What is wrong, and where.
    static func indented(_ text: [UInt8]) throws(JSONFault) -> [UInt8] {
        var layout = JSONLayout(text)
        layout.skipSpace()
        try layout.value()
        layout.skipSpace()
        if let next = layout.peek { throw layout.fault("\(layout.name(next)) follows the end of the value") }
        guard String(validating: text, as: UTF8.self) != nil else { throw layout.fault("it is not UTF-8") }
        return layout.output
    }
}

extension JSONLayout {
    private mutating func value() throws(JSONFault) {
        guard let next = peek else { throw fault("a value is missing") }
        switch next {
        case UInt8(ascii: "{"):
            try list(end: UInt8(ascii: "}")) { layout throws(JSONFault) in try layout.member() }
        case UInt8(ascii: "["):
            try list(end: UInt8(ascii: "]")) { layout throws(JSONFault) in try layout.value() }
        case UInt8(ascii: "\""): try string()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: throw fault("a value is expected, not \(name(next))")
        }
    }

    /// Reads an array or object, whose elements the closure reads.
    private mutating func list(
        end: UInt8, element: (inout JSONLayout) throws(JSONFault) -> Void
    ) throws(JSONFault) {
        guard depth < Self.depthLimit else { throw fault("more than \(Self.depthLimit) levels are nested") }
        take()
        skipSpace()
        if peek == end { return take() }
        depth += 1
        while true {
            newLine()
            try element(&self)
            skipSpace()
            guard let next = peek, next == UInt8(ascii: ",") || next == end else {
                throw fault(
                    "\",\" or \"\(name(end))\" is expected" + (peek.map { ", not \(name($0))" } ?? ""))
            }
            if next == end { break }
            take()
            skipSpace()
        }
        depth -= 1
        newLine()
        take()
    }

    private mutating func member() throws(JSONFault) {
        guard peek == UInt8(ascii: "\"") else {
            throw fault("a key in quotes is expected" + (peek.map { ", not \(name($0))" } ?? ""))
        }
        try string()
        skipSpace()
        guard peek == UInt8(ascii: ":") else {
            throw fault("\":\" is expected" + (peek.map { ", not \(name($0))" } ?? ""))
        }
        take()
        output.append(UInt8(ascii: " "))
        skipSpace()
        try value()
    }

    private mutating func string() throws(JSONFault) {
        let start = offset
        take()
        while let next = peek {
            switch next {
            case UInt8(ascii: "\""): return take()
            case UInt8(ascii: "\\"): try escape()
            case 0..<0x20: throw fault("a control character in a string must be written with a \\")
            default: take()
            }
        }
        offset = start
        throw fault("the string has no end")
    }

    private mutating func escape() throws(JSONFault) {
        take()
        guard let next = peek, "\"\\/bfnrtu".utf8.contains(next) else {
            throw fault("there is no such escape in a string")
        }
        take()
        guard next == UInt8(ascii: "u") else { return }
        for _ in 0..<4 {
            guard let digit = peek, Character(Unicode.Scalar(digit)).isHexDigit else {
                throw fault("\\u needs four hexadecimal digits")
            }
            take()
        }
    }

    private mutating func number() throws(JSONFault) {
        if peek == UInt8(ascii: "-") { take() }
        if peek == UInt8(ascii: "0") { take() } else { try digits() }
        if peek == UInt8(ascii: ".") {
            take()
            try digits()
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            take()
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { take() }
            try digits()
        }
    }

    private mutating func digits() throws(JSONFault) {
        guard let first = peek, isDigit(first) else { throw fault("the number needs a digit") }
        while let next = peek, isDigit(next) { take() }
    }

    private mutating func word(_ word: String) throws(JSONFault) {
        let start = offset
        for letter in word.utf8 {
            guard peek == letter else {
                offset = start
                throw fault("a value is expected, perhaps \(word)")
            }
            take()
        }
    }
}

extension JSONLayout {
    private var peek: UInt8? { text.indices.contains(offset) ? text[offset] : nil }

    /// Puts the next byte, which the caller has seen, into the output.
    private mutating func take() {
        if let next = peek { output.append(next) }
        offset += 1
    }

    private mutating func skipSpace() {
        while let next = peek, [0x20, 0x09, 0x0A, 0x0D].contains(next) { offset += 1 }
    }

    private mutating func newLine() {
        output.append(UInt8(ascii: "\n"))
        output.append(contentsOf: repeatElement(UInt8(ascii: "\t"), count: depth))
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    private func name(_ byte: UInt8) -> String {
        byte > 0x20 && byte < 0x7F ? String(Unicode.Scalar(byte)) : "another character"
    }

    private func fault(_ reason: String) -> JSONFault { JSONFault(reason, at: offset, in: text) }
}
