import FoundationEssentials
import Testing

@testable import MicroCore

/// The quick way to read a record, against the general one.
@Suite struct RecordTextTests {
    private static let records = [
        ServiceRecord(name: "", version: "", nodes: []),
        ServiceRecord(
            name: "greeter", version: "1.0.0", metadata: ["a": "1", "b": "ü"], endpoints: [],
            nodes: [Node(id: "1", address: "[::1]:9000"), Node(id: "2", address: "", metadata: [:])]),
        ServiceRecord(
            name: "go.micro.srv.greeter",
            endpoints: [
                EndpointRecord(
                    name: "Greeter.Hello",
                    request: ValueRecord(
                        name: "Request", type: "Request",
                        values: [
                            ValueRecord(name: "name", type: "string"),
                            ValueRecord(name: "inner", type: "Inner", values: []),
                        ]), metadata: ["stream": "true"]),
                EndpointRecord(name: "Greeter.Bye", metadata: nil),
            ], nodes: [Node(id: "n-1", address: "10.0.0.1:9000", metadata: ["protocol": "grpc"])]),
    ]

    private func general(_ text: [UInt8]) -> ServiceRecord? {
        try? JSONDecoder().decode(ServiceRecord.self, from: Data(text))
    }

    @Test(arguments: records) func readsWhatIsWrittenAsUsual(_ record: ServiceRecord) throws {
        #expect(RecordText.record(record.json()) == record)
        #expect(general(record.json()) == record)
        let text = record.json()
        let split = try #require(
            text.indices.last { text[$0...].starts(with: #","nodes":["#.utf8) })
        #expect(RecordText.nodes(text, from: split) == record.nodes)
    }

    @Test(arguments: [
        #"{"name":"a\u003cb","version":"","metadata":null,"endpoints":null,"nodes":[]}"#,
        #"{"name":"a","version":"","metadata":{"k":"1","k":"2"},"endpoints":null,"nodes":[]}"#,
        #"{"name":"a","version":"","metadata":null,"endpoints":null,"nodes":[]} "#,
        #"{"name":"a","version":"","metadata":null,"endpoints":null,"nodes":[],"x":1}"#,
        #"{"name":"a","version":"","metadata":null,"endpoints":null,"nodes":[{"id":"1","address":"h","#
            + #""metadata":null,"port":80}]}"#,
        "{\"name\":\"a\tb\",\"version\":\"\",\"metadata\":null,\"endpoints\":null,\"nodes\":[]}", "", "{",
        "null",
    ])
    func leavesEverythingElse(_ text: String) {
        #expect(RecordText.record(Array(text.utf8)) == nil)
    }

    @Test func doesNotFollowValuesThatLieTooDeep() {
        let depth = 100_000
        let text =
            #"{"name":"a","version":"","metadata":null,"endpoints":[{"name":"e","request":"#
            + String(repeating: #"{"name":"v","type":"t","values":["#, count: depth)
        #expect(RecordText.record(Array(text.utf8)) == nil)
    }

    /// Whatever is wrong with a text: what is read is what the general decoder reads.
    @Test func agreesWithTheGeneralDecoder() {
        var seed: UInt64 = 1
        func random(_ bound: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(seed >> 33) % bound
        }
        let pieces = [#"""#, "\\", ",", "{", "}", "[", "]", ":", "null", "\u{0}", #"\u0041"#, " ", "é", "k"]
            .map { Array($0.utf8) }
        var accepted = 0
        for round in 0..<3000 {
            var text = Self.records[round % Self.records.count].json()
            for _ in 0...random(2) {
                let start = random(text.count)
                switch random(4) {
                case 0: text[start] = UInt8(random(256))
                case 1: text.removeSubrange(start..<min(text.count, start + 1 + random(20)))
                case 2: text.insert(contentsOf: pieces[random(pieces.count)], at: start)
                default:
                    text.insert(contentsOf: text[start..<min(text.count, start + 1 + random(40))], at: start)
                }
                if text.isEmpty { break }
            }
            guard let record = RecordText.record(text) else { continue }
            accepted += 1
            #expect(record == general(text), "\(String(decoding: text, as: UTF8.self))")
        }
        #expect(accepted > 100)
    }
}
