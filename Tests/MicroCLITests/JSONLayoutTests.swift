import Testing

@testable import MicroCommands

@Suite(.timeLimit(.minutes(2))) struct JSONLayoutTests {
    private func indented(_ text: String) throws -> String {
        String(decoding: try JSONLayout.indented(Array(text.utf8)), as: UTF8.self)
    }

    @Test func indentsWithTabsAndKeepsTheOrderOfKeys() throws {
        let text = #"{"z":1,"a":{"list":[1,"two",null],"flag":true}}"#
        let expected = """
            {
            \t"z": 1,
            \t"a": {
            \t\t"list": [
            \t\t\t1,
            \t\t\t"two",
            \t\t\tnull
            \t\t],
            \t\t"flag": true
            \t}
            }
            """
        #expect(try indented(text) == expected)
        #expect(try indented(expected) == expected)
    }

    @Test(arguments: [
        "{}", "[]", "0", "-0.5e+10", "12345678901234567890.123456789012345678901", #""""#,
        #""a\u00e9\n\"\\""#, "true",
        "null", "\"héllo 🎈\"",
    ])
    func leavesValuesAsTheyAre(text: String) throws {
        #expect(try indented(" \n\(text)\t\r\n") == text)
    }

    @Test(
        arguments: [
            ("", 1, 1, "a value is missing"),
            ("{", 1, 2, "a key in quotes is expected"),
            (#"{"a" 1}"#, 1, 6, #"":" is expected, not 1"#),
            (#"{"a":1,}"#, 1, 8, "a key in quotes is expected, not }"),
            ("[1 2]", 1, 4, #""," or "]" is expected, not 2"#),
            ("[1,]", 1, 4, "a value is expected, not ]"),
            ("{\n  \"é\": tru\n}", 2, 8, "a value is expected, perhaps true"),
            ("{name: 1}", 1, 2, "a key in quotes is expected, not n"),
            ("'a'", 1, 1, "a value is expected, not '"),
            ("\"abc", 1, 1, "the string has no end"),
            (#""\x""#, 1, 3, "there is no such escape in a string"),
            (#""\u12g4""#, 1, 6, "\\u needs four hexadecimal digits"),
            ("\"a\tb\"", 1, 3, "a control character in a string must be written with a \\"),
            ("01", 1, 2, "1 follows the end of the value"),
            ("1.", 1, 3, "the number needs a digit"),
            ("-", 1, 2, "the number needs a digit"),
            ("{} x", 1, 4, "x follows the end of the value"),
            ("\u{1}", 1, 1, "a value is expected, not another character"),
        ])
    func namesTheFaultAndItsPlace(text: String, line: Int, column: Int, reason: String) {
        let fault = #expect(throws: JSONFault.self) { try JSONLayout.check(Array(text.utf8)) }
        #expect(fault?.line == line)
        #expect(fault?.column == column)
        #expect(fault?.reason == reason)
    }

    @Test func refusesTextThatIsNotUTF8() {
        let fault = #expect(throws: JSONFault.self) { try JSONLayout.check([0x22, 0xFF, 0x22]) }
        #expect(fault?.reason == "it is not UTF-8")
    }

    @Test func boundsTheDepth() throws {
        let deepest = String(repeating: "[", count: 256) + String(repeating: "]", count: 256)
        try JSONLayout.check(Array(deepest.utf8))
        let fault = #expect(throws: JSONFault.self) {
            try JSONLayout.check(Array(String(repeating: "[", count: 1_000_000).utf8))
        }
        #expect(fault?.column == 257)
    }
}
