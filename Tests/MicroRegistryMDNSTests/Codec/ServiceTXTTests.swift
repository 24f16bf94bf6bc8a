import MicroCore
import Testing

@testable import MicroRegistryMDNS

@Suite struct ServiceTXTTests {
    @Test func readsWhatGoMicroHasWritten() throws {
        let empty = try ServiceTXT(strings: Captures.emptyText)
        #expect(empty == ServiceTXT(service: "other", version: "latest", endpoints: nil, metadata: nil))
        let broker = try ServiceTXT(strings: Captures.brokerText)
        #expect(broker.service == "micro.http.broker" && broker.version == "ff.http.broadcast")
        #expect(broker.metadata == ["broker": "http", "secure": "false", "topic": "t.m"])
        let greeter = try ServiceTXT(strings: Captures.greeterText)
        #expect(greeter.service == "go.micro.srv.mdnscap")
        #expect(greeter.endpoints?.count == 10)
        #expect(greeter.endpoints?.first?.request?.values?.last == ValueRecord(name: "name", type: "string"))
        #expect(greeter.endpoints?.last?.metadata == ["subscriber": "true", "topic": "t.m"])
        #expect(greeter.metadata?["protocol"] == "grpc")
    }

    @Test func writesTheJSONThatGoMicroWrites() throws {
        let broker = try ServiceTXT(strings: Captures.brokerText)
        #expect(String(decoding: broker.json, as: UTF8.self) == Captures.brokerJSON)
        for text in [Captures.emptyText, Captures.greeterText] {
            let inflated = try Zlib.inflate(Hexadecimal.decode(Array(text.joined())), limit: 1 << 20)
            #expect(try ServiceTXT(strings: text).json == inflated)
        }
    }

    @Test func writesStringsOf255LowerCaseDigitsOfZlib() throws {
        let text = try ServiceTXT(strings: Captures.greeterText)
        let strings = try #require(text.strings())
        #expect(strings.dropLast().allSatisfy { $0.count == 255 } && strings.count > 2)
        #expect(strings[0].starts(with: "789c".utf8))
        #expect(strings.joined().allSatisfy { "0123456789abcdef".utf8.contains($0) })
        #expect(try ServiceTXT(strings: strings) == text)
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
        let text = try ServiceTXT(strings: strings)
        #expect(text.service == "a" && text.version == "1" && text.metadata == nil)
        #expect(text.endpoints?.map(\.name) == ["X.Y"])
    }

    @Test func refusesWhatIsNoText() throws {
        #expect(throws: DNSFormatError.badCompression) { try ServiceTXT(strings: []) }
        #expect(throws: DNSFormatError.badHexadecimal) { try ServiceTXT(strings: [Array("789".utf8)]) }
        #expect(throws: DNSFormatError.badHexadecimal) { try ServiceTXT(strings: [Array("78zc".utf8)]) }
        #expect(throws: DNSFormatError.badCompression) { try ServiceTXT(strings: [Array("00112233".utf8)]) }
        let digits = Array(Captures.brokerText.joined())
        for count in stride(from: 0, to: digits.count - 8, by: 2) {
            #expect(throws: DNSFormatError.badCompression) {
                try ServiceTXT(strings: [Array(digits[..<count])])
            }
        }
        for json in ["", "null", "[]", "{", #"{"Service":1}"#, #"{"Endpoints":{}}"#] {
            #expect(throws: DNSFormatError.badService, "\(json)") { try ServiceTXT(strings: Self.text(json)) }
        }
    }

    @Test func refusesBombs() throws {
        let spaces = [UInt8](repeating: 0x20, count: ServiceTXT.maximumSize + 1)
        let bomb = try #require(Zlib.deflate(spaces))
        #expect(bomb.count < 2000)
        #expect(throws: DNSFormatError.tooLarge) { try ServiceTXT(strings: [Hexadecimal.encode(bomb)]) }
        let deep = String(repeating: #"{"values":["#, count: 5000)
        #expect(throws: DNSFormatError.badService) { try ServiceTXT(strings: Self.text(deep)) }
        let nested = #"{"Endpoints":[{"request":\#(String(repeating: #"{"values":["#, count: 40))"#
        #expect(throws: DNSFormatError.badService) { try ServiceTXT(strings: Self.text(nested)) }
        // Brackets inside of strings aren't nesting.
        let brackets = #"{"Service":"\#(String(repeating: "[{", count: 100))\""}"#
        #expect(try ServiceTXT(strings: Self.text(brackets)).service.count == 201)
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
