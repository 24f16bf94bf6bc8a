import MicroPluginKit
import Testing

@Suite(.timeLimit(.minutes(2))) struct PercentCodingTests {
    private func encoded(_ text: String) -> String {
        let bytes = PercentCoding.encode(text.utf8) { position, byte in
            position > 0 && byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "%")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func whatIsNotPlainIsEncoded() {
        #expect(encoded("a% ü\n") == "%61%25 %C3%BC%0A")
        #expect(encoded("") == "")
        #expect(PercentCoding.decode(encoded("a% ü\n").utf8) == Array("a% ü\n".utf8))
    }

    @Test(arguments: [("%41%7a", "Az"), ("%e4%F6", "\u{FFFD}\u{FFFD}"), ("", ""), ("plain+", "plain+")])
    func wellFormed(text: String, decoded: String) {
        #expect(String(decoding: PercentCoding.decode(text.utf8), as: UTF8.self) == decoded)
        #expect(PercentCoding.decodeStrictly(text.utf8) == PercentCoding.decode(text.utf8))
    }

    @Test(arguments: ["%", "%4", "a%", "%G0", "%+F", "%-1", "% 1", "%%41"])
    func malformed(text: String) {
        #expect(PercentCoding.decodeStrictly(text.utf8) == nil)
        let expected = text == "%%41" ? "%A" : text
        #expect(String(decoding: PercentCoding.decode(text.utf8), as: UTF8.self) == expected)
    }
}
