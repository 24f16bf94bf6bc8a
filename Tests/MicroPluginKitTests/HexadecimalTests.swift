import MicroPluginKit
import Testing

@Suite(.timeLimit(.minutes(2))) struct HexadecimalTests {
    @Test func everyByteComesBack() {
        let bytes = (0...255).map(UInt8.init)
        let digits = Hexadecimal.encode(bytes)
        #expect(String(decoding: digits.prefix(24), as: UTF8.self) == "000102030405060708090a0b")
        #expect(Hexadecimal.decode(digits) == bytes)
        let capitals = Array(String(decoding: digits, as: UTF8.self).uppercased().utf8)
        #expect(Hexadecimal.decode(capitals) == bytes)
        #expect(Hexadecimal.decode([]) == [])
    }

    @Test(arguments: ["0", "abc", "0g", "g0", " 0", "0x", "/0", ":0", "@0", "G0", "`0", "é0"])
    func anythingElseIsNone(text: String) {
        #expect(Hexadecimal.decode(Array(text.utf8)) == nil)
    }
}
