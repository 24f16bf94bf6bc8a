import Foundation
import MicroCore
import MicroWire
import Testing

@Suite(.timeLimit(.minutes(2))) struct ServiceRecordJSONTests {
    private func fixture(_ name: String) throws -> [UInt8] {
        let url = try #require(
            Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Fixtures"))
        return Array(try Data(contentsOf: url))
    }

    /// What go-micro wrote to etcd, for a service with handlers, streams and a subscriber and for the
    /// HTTP broker.
    @Test(arguments: ["etcd-service", "etcd-http-broker"])
    func goMicrosBytesRoundTrip(name: String) throws {
        let bytes = try fixture(name)
        let record = try ServiceRecord(json: bytes)
        #expect(String(decoding: record.json(), as: UTF8.self) == String(decoding: bytes, as: UTF8.self))
    }

    @Test func goMicrosRecordIsUnderstood() throws {
        let record = try ServiceRecord(json: try fixture("etcd-service"))
        #expect(record.name == "go.micro.srv.ttl")
        #expect(record.version == "1.2.3")
        #expect(record.metadata == nil)
        let endpoints = try #require(record.endpoints)
        #expect(endpoints.first?.name == "Greeter.Hello")
        #expect(endpoints.first?.metadata == [:])
        #expect(endpoints.first?.request?.values?.last == ValueRecord(name: "name", type: "string"))
        let subscriber = try #require(endpoints.last)
        #expect(subscriber.response == nil)
        #expect(subscriber.metadata == ["subscriber": "true", "topic": "t.x"])
        let node = try #require(record.nodes.first)
        #expect(node.id == "go.micro.srv.ttl-fixed-id-1")
        #expect(node.address == "127.0.0.1:19701")
        #expect(node.metadata?["region"] == "eu")
        #expect(NodeProtocol(of: node) == .grpc)
    }

    @Test func anUnaryEndpointWithARoute() throws {
        let text =
            #"{"name":"go.micro.srv.greeter","version":"1.2.3","metadata":null,"endpoints":[{"name":"Test.Call","#
            + #""request":{"name":"Request","type":"Request","values":[{"name":"uuid","type":"string","values":null},"#
            + #"{"name":"name","type":"string","values":null}]},"response":{"name":"Response","type":"Response","#
            + #""values":[{"name":"msg","type":"string","values":null}]},"metadata":{"endpoint":"Test.Call","#
            + #""handler":"rpc","method":"POST","path":"/api/v0/test/call/{uuid}"}}],"nodes":[{"#
            + #""id":"go.micro.srv.greeter-ID-1","address":"127.0.0.1:41435","metadata":{"broker":"memory","k":"v","#
            + #""protocol":"grpc","registry":"memory","server":"grpc","transport":"grpc"}}]}"#
        let record = try ServiceRecord(json: Array(text.utf8))
        #expect(String(decoding: record.json(), as: UTF8.self) == text)
        #expect(record.endpoints?.first?.metadata?["path"] == "/api/v0/test/call/{uuid}")
    }

    @Test func readingIsAsLenientAsGo() throws {
        let record = try ServiceRecord(
            json: Array(
                #"{"Name":"x","VERSION":"1","extra":[1],"nodes":[{"id":"n","address":"::1","port":80}]}"#.utf8
            ))
        #expect(record.name == "x")
        #expect(record.version == "1")
        #expect(record.endpoints == nil)
        #expect(record.nodes == [Node(id: "n", address: "[::1]:80")])
        #expect(try ServiceRecord(json: Array("{}".utf8)) == ServiceRecord(name: "", version: ""))
    }

    @Test func nullAndEmptyAreToldApart() throws {
        for metadata in [nil, [:], ["a": "b"]] as [[String: String]?] {
            let record = ServiceRecord(
                name: "x", metadata: metadata,
                endpoints: metadata == nil ? nil : [],
                nodes: [Node(id: "n", address: "", metadata: metadata)])
            #expect(try ServiceRecord(json: record.json()) == record)
        }
    }

    @Test(arguments: [
        "", "null", "[]", "{", #"{"name":1}"#, #"{"nodes":{}}"#, #"{"nodes":[1]}"#, "\u{FF}",
    ])
    func otherTextsAreErrors(text: String) {
        let error = #expect(throws: MicroError.self) { try ServiceRecord(json: Array(text.utf8)) }
        #expect(error?.status == .invalidArgument)
    }

    @Test(arguments: ["[", #"{"nodes":["#, #"{"metadata":"#])
    func textsWithoutEndAreErrors(unit: String) {
        let text = String(repeating: unit, count: 100_000)
        #expect(throws: MicroError.self) { try ServiceRecord(json: Array(text.utf8)) }
    }

    @Test func deepValuesAndLargeRecordsAreBounded() throws {
        let level = #"{"name":"a","values":["#
        let text =
            #"{"endpoints":[{"request":"# + String(repeating: level, count: 5_000)
            + String(repeating: "]}", count: 5_000) + "}]}"
        #expect(throws: MicroError.self) { try ServiceRecord(json: Array(text.utf8)) }
        let large = [UInt8](repeating: UInt8(ascii: " "), count: ServiceRecord.maximumJSONSize + 1)
        #expect(throws: MicroError.self) { try ServiceRecord(json: large) }
    }
}
