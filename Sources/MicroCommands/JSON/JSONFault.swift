/// What is wrong with a JSON text, and where.
struct JSONFault: Error, Hashable, CustomStringConvertible {
    /// The line, from 1.
    let line: Int

    /// The character in the line, from 1.
    let column: Int

    /// What is wrong.
    let reason: String

    init(_ reason: String, at offset: Int, in text: [UInt8]) {
        let before = text.prefix(offset)
        let newline = UInt8(ascii: "\n")
        let lineStart = before.lastIndex(of: newline).map { $0 + 1 } ?? 0
        line = before.count { $0 == newline } + 1
        // Continuation bytes of UTF-8 are part of the character before.
        column = before[lineStart...].count { $0 & 0xC0 != 0x80 } + 1
        self.reason = reason
    }

    var description: String { "line \(line), column \(column): \(reason)" }
}
