/// The words and brackets of Swift text, without comments and literals; code in interpolations counts.
struct SwiftTokens {
    enum Token: Hashable {
        /// A keyword or a name, and whether a `.` stands in front of it.
        case word(String, isMember: Bool)

        /// `{`, `(` or `[`.
        case open

        /// `}`, `)` or `]`.
        case close
    }

    private let text: [UInt8]
    private var position = 0
    private var tokens: [Token] = []

    private init(_ text: String) { self.text = Array(text.utf8) }

    /// Returns the tokens of a text.
    static func of(_ text: String) -> [Token] {
        var reader = SwiftTokens(text)
        reader.readCode(untilBracket: false)
        return reader.tokens
    }

    private var next: UInt8? { position < text.count ? text[position] : nil }

    private func stands(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard count <= text.count - position else { return false }
        return (0..<count).allSatisfy { text[position + $0] == word.utf8Start[$0] }
    }

    /// Reads code until the text ends, or until the bracket that ends an interpolation.
    private mutating func readCode(untilBracket: Bool) {
        var depth = 0
        while let byte = next {
            switch byte {
            case UInt8(ascii: "/") where stands("//"): skipLine()
            case UInt8(ascii: "/") where stands("/*"): skipComment()
            case UInt8(ascii: "\""), UInt8(ascii: "#"): readLiteral()
            case UInt8(ascii: "{"), UInt8(ascii: "("), UInt8(ascii: "["):
                depth += 1
                tokens.append(.open)
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: ")"), UInt8(ascii: "]"):
                position += 1
                if untilBracket, depth == 0 { return }
                depth -= 1
                tokens.append(.close)
            case _ where Self.isInWord(byte): readWord()
            default: position += 1
            }
        }
    }

    private mutating func readWord() {
        let start = position
        while let byte = next, Self.isInWord(byte) { position += 1 }
        let isMember = start > 0 && text[start - 1] == UInt8(ascii: ".")
        tokens.append(.word(String(decoding: text[start..<position], as: UTF8.self), isMember: isMember))
    }

    private static func isInWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), 0x80...: true
        default: false
        }
    }

    private mutating func skipLine() {
        while let byte = next, byte != UInt8(ascii: "\n") { position += 1 }
    }

    /// Skips a comment, and those inside of it.
    private mutating func skipComment() {
        var depth = 0
        repeat {
            if stands("/*") {
                depth += 1
                position += 2
            } else if stands("*/") {
                depth -= 1
                position += 2
            } else {
                position += 1
            }
        } while depth > 0 && position < text.count
    }

    /// Skips a string, on one or more lines and with any number of `#`, but reads the code in it.
    private mutating func readLiteral() {
        var hashes = 0
        while next == UInt8(ascii: "#") {
            hashes += 1
            position += 1
        }
        guard next == UInt8(ascii: "\"") else { return }  // A directive such as `#if`.
        let quotes = stands("\"\"\"") ? 3 : 1
        position += quotes
        while position < text.count {
            if endsLiteral(quotes: quotes, hashes: hashes) {
                position += quotes + hashes
                return
            }
            if text[position] == UInt8(ascii: "\\"), areHashes(hashes, at: position + 1) {
                position += 1 + hashes
                let isCode = next == UInt8(ascii: "(")
                position += 1
                if isCode { readCode(untilBracket: true) }
            } else {
                position += 1
            }
        }
    }

    private func endsLiteral(quotes: Int, hashes: Int) -> Bool {
        (quotes == 3 ? stands("\"\"\"") : stands("\"")) && areHashes(hashes, at: position + quotes)
    }

    private func areHashes(_ count: Int, at start: Int) -> Bool {
        start + count <= text.count && text[start..<(start + count)].allSatisfy { $0 == UInt8(ascii: "#") }
    }
}
