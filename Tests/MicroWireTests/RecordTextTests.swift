import Foundation
import MicroCore
import Testing

@testable import MicroWire

/// The reader of records.
@Suite(.timeLimit(.minutes(2))) struct RecordTextTests {
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

    private func read(_ text: String) -> ServiceRecord? {
        try? RecordText.record(Array(text.utf8), limits: ServiceRecord.jsonLimits)
    }

    @Test(arguments: records) func readsWhatIsWritten(_ record: ServiceRecord) throws {
        let text = record.json()
        #expect(try RecordText.record(text, limits: ServiceRecord.jsonLimits) == record)
        let split = try #require(
            text.indices.last { text[$0...].starts(with: #","nodes":["#.utf8) })
        #expect(RecordText.nodes(text, from: split) == record.nodes)
    }

    @Test func readsWhatGoReads() {
        // Any order and case, white space, escapes, unknown keys, the last of two, and nulls.
        let text = #"""
             { "VERSION" : "1" , "x" : [ { "y" : [ -1.5e+3, true , false, null, "\/" ] } ],
              "nodes":[{"id":"n","address":"h","port":80,"metadata":{"k":"1","k":"2","z":null}}],
              "name":"a\u003c\ud83d\ude00\ud83d\"\t" , "endpoints":null }
            """#
        let node = Node(id: "n", address: "h:80", metadata: ["k": "2", "z": ""])
        #expect(read(text) == ServiceRecord(name: "a<😀\u{FFFD}\"\t", version: "1", nodes: [node]))
    }

    @Test(arguments: [
        "{\"name\":\"a\tb\"}", "", "{", "null", #"{"name":"a"}x"#, #"{"name":"a",}"#, #"{"name" "a"}"#,
        #"{name:"a"}"#, #"{"x":01}"#, #"{"x":1.}"#, #"{"x":-}"#, #"{"x":1e}"#, #"{"x":nul}"#,
        #"{"x":"\u12g4"}"#,
        #"{"x":"\q"}"#, #"{"x":"#, #"{"name":1}"#, #"{"endpoints":[null]}"#, #"{"nodes":[{"port":"80"}]}"#,
        #"{"nodes":[{"port":99999999999999999999}]}"#,
    ])
    func refusesWhatIsNoRecord(_ text: String) { #expect(read(text) == nil) }

    @Test func countsElementsWhateverTheyAre() {
        let limits = JSONReader.Limits(elements: 10)
        for part in [
            #""endpoints":[{},{},{},{},{},{},{},{},{},{}]"#, #""x":[[],[],[],[],[],[],[],[],[],[]]"#,
            #""metadata":{"a":"","b":"","c":"","d":"","e":"","f":"","g":"","h":"","i":"","j":""}"#,
        ] {
            #expect(throws: JSONReader.Fault.tooManyElements(limit: 10)) {
                try RecordText.record(Array("{\(part)}".utf8), limits: limits)
            }
        }
    }

    /// The most elements that a record in etcd may have.
    @Test func boundsTheElementsOfARecord() {
        let text = #"{"endpoints":[\#(Array(repeating: "{}", count: 200_000).joined(separator: ","))]}"#
        let error = #expect(throws: MicroError.self) { try ServiceRecord(json: Array(text.utf8)) }
        #expect(error?.detail.contains("131072") == true)
    }

    @Test func doesNotFollowValuesThatLieTooDeep() {
        let depth = 100_000
        let text =
            #"{"name":"a","version":"","metadata":null,"endpoints":[{"name":"e","request":"#
            + String(repeating: #"{"name":"v","type":"t","values":["#, count: depth)
        #expect(read(text) == nil)
    }

    /// Whatever is wrong with a text: what is read is JSON, and means the same once it is written again.
    @Test func readsOnlyJSON() throws {
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
            guard let record = try? RecordText.record(text, limits: ServiceRecord.jsonLimits) else {
                continue
            }
            accepted += 1
            #expect(throws: Never.self, "\(String(decoding: text, as: UTF8.self))") {
                // What is skipped need not be UTF-8, for us as for Go.
                let repaired = String(decoding: text, as: UTF8.self)
                return try JSONSerialization.jsonObject(with: Data(repaired.utf8))
            }
            #expect(try ServiceRecord(json: record.json()) == record)
        }
        #expect(accepted > 100)
    }
}
