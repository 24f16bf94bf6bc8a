import MicroCore
import Testing

@Suite(.timeLimit(.minutes(2))) struct ServiceRecordTests {
    @Test func nodesOfAVersionAreMerged() {
        func record(_ version: String, _ id: String) -> ServiceRecord {
            ServiceRecord(name: "x", version: version, nodes: [Node(id: id, address: "")])
        }
        let merged = ServiceRecord.merge([record("2", "c"), record("1", "a"), record("1", "b")])
        #expect(merged.map(\.version) == ["1", "2"])
        #expect(merged[0].nodes.map(\.id) == ["a", "b"])
    }

    @Test func protocolsOfNodes() {
        func pair(_ metadata: [String: String]?) -> NodeProtocol {
            NodeProtocol(of: Node(id: "", address: "", metadata: metadata))
        }
        #expect(pair(nil) == .grpc)
        #expect(pair(["zone": "a"]) == .grpc)
        #expect(
            pair(["protocol": "mucp", "transport": "http"])
                == NodeProtocol(protocol: "mucp", transport: "http"))
        #expect(pair(["protocol": "memory"]) == NodeProtocol(protocol: "memory", transport: "memory"))
    }
}
