import Testing

@testable import MicroCommands

@Suite(.timeLimit(.minutes(2))) struct ValueSplitterTests {
    private func values(_ text: String, cut: Int) -> [String] {
        var splitter = ValueSplitter()
        var values: [[UInt8]] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            values += splitter.values(rest.prefix(cut))
            rest = rest.dropFirst(cut)
        }
        if let last = splitter.end() { values.append(last) }
        return values.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: [1, 2, 3, 1000])
    func aLineIsAValueUnlessItsBracketsAreOpen(cut: Int) {
        #expect(
            values("{\"a\":1}\n{\"a\":2}\r\n\n  \n3\n\"x\"", cut: cut) == [
                "{\"a\":1}", "{\"a\":2}\r", "3", "\"x\"",
            ])
        #expect(values("{\n  \"a\": [\n1]\n}\n{}\n", cut: cut) == ["{\n  \"a\": [\n1]\n}", "{}"])
        #expect(values(#"{"a":"}\"{"}"# + "\n1", cut: cut) == [#"{"a":"}\"{"}"#, "1"])
        #expect(values("", cut: cut) == [])
        #expect(values("\n\n", cut: cut) == [])
    }

    @Test(arguments: [1, 1000])
    func whatIsNoJSONEndsWithItsLine(cut: Int) {
        #expect(values("{\"a\n}\n1\n", cut: cut) == ["{\"a", "}", "1"])
        #expect(values("]]\n1\n", cut: cut) == ["]]", "1"])
        #expect(values("oops\n1\n", cut: cut) == ["oops", "1"])
        #expect(values("{", cut: cut) == ["{"])
    }
}
