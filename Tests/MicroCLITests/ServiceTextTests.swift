import MicroCore
import Testing

@testable import MicroCommands

@Suite(.timeLimit(.minutes(2))) struct ServiceTextTests {
    @Test func showsVersionsNodesAndEndpoints() {
        let address = ValueRecord(
            name: "address", type: "Address", values: [ValueRecord(name: "street", type: "string")])
        let hello = EndpointRecord(
            name: "Say.Hello",
            request: ValueRecord(
                name: "Request", type: "Request",
                values: [ValueRecord(name: "name", type: "string"), address]),
            response: ValueRecord(
                name: "Response", type: "Response", values: [ValueRecord(name: "msg", type: "string")]))
        let ticks = EndpointRecord(name: "Say.Ticks", metadata: ["stream": "true", "a": "b"])
        let records = [
            ServiceRecord(
                name: "greeter", version: "1.0.0", endpoints: [hello, ticks],
                nodes: [
                    Node(
                        id: "greeter-1", address: "10.0.0.2:9090",
                        metadata: ["transport": "grpc", "protocol": "grpc"]),
                    Node(id: "greeter-2", address: "10.0.0.3:9090"),
                ]),
            ServiceRecord(
                name: "greeter", version: "1.1.0", nodes: [Node(id: "greeter-3", address: "[::1]:1")]),
        ]
        #expect(
            ServiceText.of(records) == """
                service  greeter

                version 1.0.0

                ID\tAddress\tMetadata
                greeter-1\t10.0.0.2:9090\tprotocol=grpc,transport=grpc
                greeter-2\t10.0.0.3:9090\t

                Endpoint: Say.Hello

                Request: {
                \tname string
                \taddress Address {
                \t\tstreet string
                \t}
                }

                Response: {
                \tmsg string
                }

                Endpoint: Say.Ticks

                Metadata: a=b,stream=true

                Request: {}

                Response: {}

                version 1.1.0

                ID\tAddress\tMetadata
                greeter-3\t[::1]:1\t

                """)
    }

    @Test func nothingFromTheNetworkMovesTheCursor() {
        let node = Node(id: "a\u{1B}[2J", address: "b\nc\u{85}", metadata: ["k\t": "v\r"])
        let text = ServiceText.of([ServiceRecord(name: "x\u{7}", version: "\u{9B}1", nodes: [node])])
        let lines = text.split(separator: "\n")
        #expect(lines.first == "service  x\\u{7}")
        #expect(lines.last == "a\\u{1B}[2J\tb\\u{A}c\\u{85}\tk\\u{9}=v\\u{D}")
    }
}
