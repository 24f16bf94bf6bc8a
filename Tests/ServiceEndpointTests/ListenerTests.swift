import Micro
import MicroCodecJSON
import MicroCore
import MicroRegistryMemory
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// A service on two ports of gRPC, such as one for each of two networks.
@Suite(.timeLimit(.minutes(2))) struct ListenerTests {
    private struct Word: Codable, Sendable { var text: String }

    private func makeService(_ overrides: [String: String] = [:], registry: any Registry) -> MicroService {
        MicroService(
            "echo", address: "127.0.0.1:0", registry: registry, plugins: [.jsonCodec],
            configuration: ConfigurationSources(
                environment: ["MICRO_SERVER_DEREGISTRATION_DELAY": "0"], overrides: overrides)
        ) {
            Endpoint("Echo.Say") { (word: Word, context) in word }
        }
        .using(.transport, HTTP2Transport()).using(.transport, HTTP2Transport())
    }

    @Test func eachPortIsANodeThatAnswers() async throws {
        let registry = MemoryRegistry()
        try await makeService(registry: registry).withRunning { running in
            let nodes = await registry.lookup("echo").flatMap(\.nodes)
            #expect(Set(nodes.map(\.id)).count == 2 && Set(nodes.map(\.address)).count == 2)
            #expect(nodes.allSatisfy { $0.address.hasPrefix("127.0.0.1:") })
            #expect(nodes.allSatisfy { $0.metadata?["transport"] == "grpc" })
            for node in nodes {
                let reply = try await running.client.call(
                    "echo", "Echo.Say", Word(text: node.id), returning: Word.self,
                    options: .address(node.address))
                #expect(reply.text == node.id)
            }
        }
        #expect(await registry.lookup("echo").isEmpty)
    }

    @Test func aPortThatIsTakenEndsTheStartAndFreesTheOther() async throws {
        let registry = MemoryRegistry()
        try await makeService(registry: registry).withRunning { running in
            let free = try FreePort.tcp()
            let addresses = [
                "server.grpc.address": "127.0.0.1:\(free)", "server.grpc2.address": "\(running.addresses[1])",
            ]
            let error = try await #require(throws: StartError.self) {
                try await makeService(addresses, registry: registry).withRunning { _ in }
            }
            #expect(error.code == .address && error.message.contains("\(running.addresses[1])"))
            #expect(await registry.lookup("echo").flatMap(\.nodes).count == 2)
            // The port of the one that could be opened is free again.
            let listener = try await HTTP2Transport().listen(
                on: .host("127.0.0.1", port: free), handler: Nobody())
            await listener.shutdown(deadline: .now)
        }
    }

    private struct Nobody: CallHandler {
        func accept(_ head: CallHead) -> CallDecision {
            .refuse(MicroError(.unimplemented, "nobody is here"))
        }
    }
}
