import FoundationEssentials
import MicroCodecJSON
import MicroCore
import Testing

@Suite(.timeLimit(.minutes(2))) struct JSONCodecTests {
    struct Event: Codable, Equatable {
        var name = "x"
        var at = Date(timeIntervalSince1970: 0)
        var payload = Data()
        var lines: [Line] = []

        struct Line: Codable, Equatable { var count = 0 }
    }

    final class Chain: Codable, Sendable {
        let next: Chain?
    }

    private func coder<Value: Codable & Sendable>(_ type: Value.Type = Value.self) throws -> MessageCoder<
        Value
    > {
        try #require(JSONCodec().coder(for: type, subtype: "json"))
    }

    private func decode<Value: Codable & Sendable>(_ text: String, as type: Value.Type = Value.self) throws
        -> Value
    {
        try coder(type).decode(Array(text.utf8).span.bytes)
    }

    private func encode<Value: Codable & Sendable>(_ value: Value) throws -> String {
        String(decoding: try coder().encode(value).bytes, as: UTF8.self)
    }

    /// A megabyte of empty objects is a second of work, and is refused before it begins.
    @Test func elementsAreCountedBeforeTheyAreDecoded() throws {
        struct Item: Codable, Sendable { var name: String? }
        func list(_ count: Int, of item: String) -> String {
            "[\(Array(repeating: item, count: count).joined(separator: ","))]"
        }
        for text in [list(260_000, of: "{}"), list(260_000, of: "[]")] {
            let error = #expect(throws: MicroError.self) { try decode(text, as: [Item].self) }
            #expect(error?.status == .resourceExhausted && error?.detail.contains("250000") == true)
        }
        #expect(try decode(list(1000, of: #"{"name":"a"}"#), as: [Item].self).count == 1000)
        // Numbers and texts are no elements, and brackets inside of texts are none either.
        #expect(try decode(list(300_000, of: "1"), as: [Int].self).count == 300_000)
        let text = String(repeating: #"{[:\"{["#, count: 100_000)
        #expect(try decode("[\"\(text)\"]", as: [String].self).first?.utf8.count == 600_000)
    }

    @Test func valuesOfAnyShape() throws {
        #expect(try encode(["a/b"]) == #"["a/b"]"#)
        #expect(try encode("text") == #""text""#)
        #expect(try decode("42", as: Int.self) == 42)
        #expect(try decode("[null,1]", as: [Int?].self) == [nil, 1])
        #expect(try decode("", as: [String: Int].self) == [:])
    }

    @Test func datesAndBytesAreGos() throws {
        var event = Event()
        event.payload = Data([0xCA, 0xFE])
        let text = try encode(event)
        #expect(text.contains(#""at":"1970-01-01T00:00:00Z""#))
        #expect(text.contains(#""payload":"yv4=""#))
        struct Moment: Codable { var at: Date }
        let moments = [
            ("1970-01-01T00:00:01Z", 1.0), ("1970-01-01T00:00:01.5Z", 1.5), ("1970-01-01T01:00:01+01:00", 1),
            ("1970-01-01T00:00:01.123456789Z", 1.123),
        ]
        for (text, seconds) in moments {
            let moment = try decode(#"{"at":"\#(text)"}"#, as: Moment.self)
            #expect(abs(moment.at.timeIntervalSince1970 - seconds) < 0.001, "\(text)")
        }
        let fraction = try encode(Moment(at: Date(timeIntervalSince1970: 1.5)))
        #expect(fraction == #"{"at":"1970-01-01T00:00:01.500Z"}"#)
        let error = #expect(throws: MicroError.self) { try decode(#"{"at":"today"}"#, as: Moment.self) }
        #expect(error?.detail.contains("at at") == true)
    }

    @Test(arguments: [
        (#"{"name":1}"#, "name"),
        (#"{"name":null}"#, "name"),
        (#"{"at":"1970-01-01T00:00:00Z","payload":"","lines":[]}"#, "\"name\""),
        (
            #"{"name":"x","at":"1970-01-01T00:00:00Z","payload":"","lines":[{"count":1},{"count":"2"}]}"#,
            "lines[1].count"
        ),
        (#"{"name":"x","at":"1970-01-01T00:00:00Z","payload":"!","lines":[]}"#, "payload"),
        (#"{"name":"x""#, "not valid JSON"),
        ("no json", "not valid JSON"),
        ("\u{0}", "not valid JSON"),
    ])
    func errorsSayWhatAndWhere(text: String, wanted: String) {
        let error = #expect(throws: MicroError.self) { try decode(text, as: Event.self) }
        #expect(error?.status == .invalidArgument)
        #expect(error?.detail.contains(wanted) == true, "\(error?.detail ?? "")")
        #expect(error?.detail.contains("Event") == true)
    }

    struct Numbers: Codable {
        var count: Int?
        var small: UInt8?
        var ratio: Double?
        var text: String?
        var list: [Numbers]?
        var named: [String: Int]?
    }

    @Test(arguments: [
        (#"{"count":9223372036854775808}"#, "9223372036854775808 at count, which is out of range."),
        (
            #"{"count":-9223372036854775809,"ratio":1}"#,
            "-9223372036854775809 at count, which is out of range."
        ),
        (#"{"ratio":1e400}"#, "1e400 at ratio, which is out of range."),
        (#"{"ratio":-1E+400}"#, "-1E+400 at ratio, which is out of range."),
        (#"{"small":256}"#, "256 at small, which is out of range."),
        (#"{"small":-1}"#, "-1 at small, which is out of range."),
        (#"{"count":1.5}"#, "1.5 at count, which is not a whole number."),
        (
            #"{"text":"[1e400,{\"","list":[{"count":1},{"list":[{"small":300}]}],"ratio":2}"#,
            "300 at list[1].list[0].small, which is out of range."
        ),
        (#"{"named":{"a":1,"b\n":9223372036854775808}}"#, "9223372036854775808 at named.b"),
        (#"{"count":01}"#, "not valid JSON"),
        (#"{"count":9223372036854775808"#, "not valid JSON"),
        (#"{"count":1,,}"#, "not valid JSON"),
    ])
    func numbersThatTheirFieldCannotHold(text: String, wanted: String) {
        let error = #expect(throws: MicroError.self) { try decode(text, as: Numbers.self) }
        #expect(error?.status == .invalidArgument)
        #expect(error?.detail.contains(wanted) == true, "\(error?.detail ?? "")")
        #expect(error?.detail.contains("\n") == false)
    }

    @Test func aWholeNumberAloneIsNamedWithoutAPlace() {
        let error = #expect(throws: MicroError.self) { try decode("128", as: Int8.self) }
        #expect(error?.detail == "The Int8 in JSON has 128, which is out of range.")
    }

    @Test func largeTextsAreNotSearched() {
        let text = "[" + String(repeating: "1,", count: JSONNumbersLimit.numbers) + "300]"
        let error = #expect(throws: MicroError.self) { try decode(text, as: [UInt8].self) }
        #expect(error?.detail.contains("not valid JSON, or has a number that its field can't hold") == true)
    }

    /// More than fit into the texts that are searched.
    private enum JSONNumbersLimit { static let numbers = 10_000 }

    @Test func whatCannotBeWrittenIsAnError() {
        let error = #expect(throws: MicroError.self) { try encode([Double.infinity]) }
        #expect(error?.status == .internal)
        #expect(error?.detail.contains("[0]") == true)
    }

    @Test func depthIsBounded() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: #"{"next":"#, count: depth) + "{}" + String(repeating: "}", count: depth)
        }
        _ = try decode(nested(500), as: Chain.self)
        for text in [nested(600), nested(100_000), String(repeating: "[", count: 100_000)] {
            let error = #expect(throws: MicroError.self) { try decode(text, as: Chain.self) }
            #expect(error?.status == .invalidArgument)
        }
    }

    @Test func typesThatAreNotCodableHaveNoCoder() {
        struct Plain: Sendable {}
        #expect(JSONCodec().coder(for: Plain.self, subtype: "json") == nil)
        #expect(JSONCodec().coder(for: [Plain].self, subtype: "json") == nil)
        #expect(JSONCodec().coder(for: Micro_Test_Order.self, subtype: "json") == nil)
        #expect(JSONCodec().coder(for: Event.self, subtype: "proto") == nil)
    }

    @Test func thePluginsAreLinkedInOrder() {
        let names = Plugins.linked.plugins(of: "codec").map(\.name)
        #expect(names == ["protobuf", "json"])
    }
}
