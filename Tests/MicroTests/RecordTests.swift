import FoundationEssentials
import Micro
import MicroCore
import Testing

private struct Address: Codable, Sendable { var street: String }

private struct Person: Codable, Sendable {
    enum Kind: String, Codable, CaseIterable { case known, unknown }
    enum CodingKeys: String, CodingKey {
        case name = "full_name"
        case age, score, isActive, tags, photo, born, address, previous, kind, nickname, limits, id
    }

    var name: String
    var age: Int32
    var score: Double
    var isActive: Bool
    var tags: [String]
    var photo: Data
    var born: Date
    var address: Address
    var previous: [Address]
    var kind: Kind
    var nickname: String?
    var limits: [String: Int]
    var id: UUID
}

private final class Tree: Codable, Sendable {
    let value: Int
    let left: Tree?

    init(value: Int, left: Tree?) {
        self.value = value
        self.left = left
    }
}

private struct Picky: Codable, Sendable {
    let name: String

    init(from decoder: any Decoder) throws {
        name = try decoder.singleValueContainer().decode(String.self)
        guard !name.isEmpty else { throw MicroError(.invalidArgument, "empty") }
    }
}

@Suite("What the registry is told", .timeLimit(.minutes(2)))
struct RecordTests {
    @Test("the fields of a Codable type, with Go's names of types")
    func fields() {
        let record = ValueRecord(describing: Person.self)
        #expect(record.name == "Person" && record.type == "Person")
        let types = (record.values ?? []).map { "\($0.name) \($0.type)" }
        #expect(
            types == [
                "full_name string", "age int32", "score float64", "isActive bool", "tags []string",
                "photo []uint8", "born Time", "address Address", "previous []Address", "kind string",
                "nickname string", "limits map[string]int64", "id string",
            ])
        #expect(record.values?[7].values == [ValueRecord(name: "street", type: "string")])
    }

    @Test("types that contain themselves end at the third level, and picky ones do no harm")
    func bounded() {
        let tree = ValueRecord(describing: Tree.self)
        #expect(tree.values?.map(\.name) == ["value", "left"])
        #expect(tree.values?[1].values?[1].values?[1].values == nil)
        #expect(ValueRecord(describing: Picky.self).type == "string")
        #expect(ValueRecord(describing: Int.self) == ValueRecord(name: "Int", type: "int64"))
    }

    @Test("endpoints are sorted, streams are marked, and metadata is kept")
    func endpoints() async throws {
        let service = makeService {
            Endpoint("B.Stream", metadata: ["path": "/b"]) {
                (request: Number, replies: MessageWriter<Number>, context) in
            }
            Endpoint("A.Get", description: "Gets it.") { (request: Number, context) in request }
        }
        try await service.withRunning { running in
            let endpoints = try #require(running.record.endpoints)
            #expect(endpoints.map(\.name) == ["A.Get", "B.Stream"])
            #expect(endpoints[0].metadata == ["description": "Gets it."])
            #expect(endpoints[1].metadata == ["stream": "true", "path": "/b"])
            #expect(
                endpoints[0].request
                    == ValueRecord(
                        name: "Number", type: "Number", values: [ValueRecord(name: "value", type: "int64")]))
            #expect(try await running.client.lookup("greeter") == [running.record])
            #expect(try await running.client.services() == ["greeter"])
        }
    }
}
