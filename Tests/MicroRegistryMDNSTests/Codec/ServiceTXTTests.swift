import DNSTestSupport
import MicroCore
import MicroDNS
import MicroPluginKit
import Testing

@testable import MicroRegistryMDNS

@Suite(.timeLimit(.minutes(2))) struct ServiceTXTTests {
    private func read(_ strings: [[UInt8]]) throws -> ServiceTXT { try TextReading(strings).result.get() }

    @Test func readsWhatGoMicroHasWritten() throws {
        let empty = try read(Captures.emptyText)
        #expect(empty == ServiceTXT(service: "other", version: "latest", endpoints: nil, metadata: nil))
        let broker = try read(Captures.brokerText)
        #expect(broker.service == "micro.http.broker" && broker.version == "ff.http.broadcast")
        #expect(broker.metadata == ["broker": "http", "secure": "false", "topic": "t.m"])
        let greeter = try read(Captures.greeterText)
        #expect(greeter.service == "go.micro.srv.mdnscap")
        #expect(greeter.endpoints?.count == 10)
        #expect(greeter.endpoints?.first?.request?.values?.last == ValueRecord(name: "name", type: "string"))
        #expect(greeter.endpoints?.last?.metadata == ["subscriber": "true", "topic": "t.m"])
        #expect(greeter.metadata?["protocol"] == "grpc")
    }

    @Test func writesTheJSONThatGoMicroWrites() throws {
        let broker = try read(Captures.brokerText)
        #expect(String(decoding: broker.json, as: UTF8.self) == Captures.brokerJSON)
        for text in [Captures.emptyText, Captures.greeterText] {
            var inflated: [UInt8] = []
            let stream = try #require(Hexadecimal.decode(Array(text.joined())))
            try Zlib.inflate(stream, limit: 1 << 20, into: &inflated)
            #expect(try read(text).json == inflated)
        }
    }

    @Test func writesStringsOf255LowerCaseDigitsOfZlib() throws {
        let text = try read(Captures.greeterText)
        let strings = try #require(ServiceTXT.strings(text.json))
        #expect(strings.dropLast().allSatisfy { $0.count == 255 } && strings.count > 2)
        #expect(strings[0].starts(with: "789c".utf8))
        #expect(strings.joined().allSatisfy { "0123456789abcdef".utf8.contains($0) })
        #expect(try read(strings) == text)
    }

    @Test func readsOtherCasesStringsAndCompressions() throws {
        let json = Array(#"{"service":"a","VERSION":"1","endpoints":[{"Name":"X.Y"}],"extra":[1]}"#.utf8)
        // A zlib stream with one stored block, upper-case digits, and strings of seven bytes.
        let length = UInt16(json.count)
        var stream: [UInt8] = [0x78, 0x01, 0x01, UInt8(length & 0xFF), UInt8(length >> 8)]
        stream += [UInt8(~length & 0xFF), UInt8(~length >> 8)] + json + Self.adler32(json)
        let digits = Array(String(decoding: Hexadecimal.encode(stream), as: UTF8.self).uppercased().utf8)
        let strings = stride(from: 0, to: digits.count, by: 7).map {
            Array(digits[$0..<min($0 + 7, digits.count)])
        }
        let text = try read(strings)
        #expect(text.service == "a" && text.version == "1" && text.metadata == nil)
        #expect(text.endpoints?.map(\.name) == ["X.Y"])
    }

    @Test func refusesWhatIsNoText() throws {
        #expect(throws: TextFormatError.badCompression) { try read([]) }
        #expect(throws: TextFormatError.badHexadecimal) { try read([Array("789".utf8)]) }
        #expect(throws: TextFormatError.badHexadecimal) { try read([Array("78zc".utf8)]) }
        #expect(throws: TextFormatError.badCompression) { try read([Array("00112233".utf8)]) }
        let digits = Array(Captures.brokerText.joined())
        for count in stride(from: 0, to: digits.count - 8, by: 2) {
            #expect(throws: TextFormatError.badCompression) {
                try read([Array(digits[..<count])])
            }
        }
        for json in ["", "null", "[]", "{", #"{"Service":1}"#, #"{"Endpoints":{}}"#] {
            #expect(throws: TextFormatError.badService, "\(json)") { try read(Self.text(json)) }
        }
    }

    @Test func refusesBombs() throws {
        let spaces = [UInt8](repeating: 0x20, count: TextCost.node.bytes + 1)
        let bomb = try #require(Zlib.deflate(spaces))
        #expect(bomb.count < 3000)
        let reading = TextReading([Hexadecimal.encode(bomb)])
        #expect(reading.result == .failure(.tooLarge))
        #expect(reading.cost == TextCost(bytes: TextCost.node.bytes, elements: 0))
        let deep = String(repeating: #"{"values":["#, count: 5000)
        #expect(throws: TextFormatError.badService) { try read(Self.text(deep)) }
        let nested = #"{"Endpoints":[{"request":\#(String(repeating: #"{"values":["#, count: 40))"#
        #expect(throws: TextFormatError.badService) { try read(Self.text(nested)) }
        // Brackets inside of strings aren't nesting.
        let brackets = #"{"Service":"\#(String(repeating: "[{", count: 100))\""}"#
        #expect(try read(Self.text(brackets)).service.count == 201)
    }

    /// The attack that took two seconds for each node: a megabyte of empty endpoints in 2 KB.
    @Test func countsElementsBeforeItMakesThem() throws {
        let json =
            #"{"Service":"a","Endpoints":[\#(Array(repeating: "{}", count: 350_000).joined(separator: ","))]}"#
        let strings = try Self.text(json)
        #expect(strings.joined().count < 5000)
        for limit in [TextCost.node, TextCost(bytes: 2 << 20, elements: 10)] {
            let reading = TextReading(strings, limit: limit)
            #expect(reading.result == .failure(.tooLarge))
            #expect(reading.cost == TextCost(bytes: json.utf8.count, elements: limit.elements))
        }
        // What is skipped counts as well, and so do the entries of maps.
        for part in [
            #""x":[\#(Array(repeating: "[]", count: 70_000).joined(separator: ","))]"#,
            #""Metadata":{\#((0..<70_000).map { "\"\($0)\":\"\"" }.joined(separator: ","))}"#,
        ] {
            let reading = try TextReading(Self.text("{\(part)}"))
            #expect(reading.result == .failure(.tooLarge) && reading.cost.elements == TextCost.node.elements)
        }
    }

    /// A service and a version are compared and hashed at every packet.
    @Test func refusesLongNames() throws {
        for key in ["Service", "Version"] {
            #expect(
                try !read(Self.text(#"{"\#(key)":"\#(String(repeating: "a", count: 255))"}"#)).json.isEmpty)
            let long = try Self.text(#"{"\#(key)":"\#(String(repeating: "a", count: 256))"}"#)
            #expect(throws: TextFormatError.badService) { try read(long) }
        }
    }

    /// A node of go-micro's with 1,000 endpoints is read; the limit is not far above it.
    @Test func readsAThousandEndpointsAsGoMicroDescribesThem() throws {
        let text = ServiceTXT(service: "big", version: "1", endpoints: GoMicroShape.endpoints(1000))
        let reading = try TextReading(#require(ServiceTXT.strings(text.json)))
        #expect(try reading.result.get() == text)
        #expect(
            reading.cost.bytes > TextCost.node.bytes / 2 && reading.cost.elements > TextCost.node.elements / 4
        )
    }

    private static func text(_ json: String) throws -> [[UInt8]] {
        [Hexadecimal.encode(try #require(Zlib.deflate(Array(json.utf8))))]
    }

    private static func adler32(_ bytes: [UInt8]) -> [UInt8] {
        var (low, high) = (1, 0)
        for byte in bytes {
            low = (low + Int(byte)) % 65521
            high = (high + low) % 65521
        }
        return [high >> 8, high, low >> 8, low].map { UInt8(truncatingIfNeeded: $0) }
    }
}
