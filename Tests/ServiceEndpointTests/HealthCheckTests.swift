import MicroCodecJSON
import MicroCore
import MicroHealth
import MicroRegistryMemory
import Testing

@testable import Micro

/// What a client that has ejected a node learns of the health service that the node links.
@Suite(.timeLimit(.minutes(1))) struct HealthCheckTests {
    @Test func aNodeSaysWhetherItServes() async throws {
        let states = Health()
        try await makeService { states }.withRunning { running in
            let node = try #require(running.record.nodes.first)
            let connection = try await PeerTransport(peer: nil).connect(to: node, as: .service("shapes"))
            func passes() async -> Bool {
                await HealthCheck.passes(connection, deadline: .now + .seconds(5))
            }
            #expect(await passes())
            states.set(.notServing)
            #expect(await !passes())
            states.set(nil)
            #expect(await passes())
            await connection.close(deadline: .now)
        }
    }

    @Test func aNodeWithoutAHealthServiceIsWell() async throws {
        let registry = MemoryRegistry()
        let service = MicroService(
            "bare", registry: registry, transport: PeerTransport(peer: nil), plugins: [.jsonCodec],
            configuration: ConfigurationSources(environment: ["MICRO_SERVER_DEREGISTRATION_DELAY": "0"])
        ) {}
        try await service.withRunning { running in
            let node = try #require(running.record.nodes.first)
            let connection = try await PeerTransport(peer: nil).connect(to: node, as: .service("bare"))
            #expect(await HealthCheck.passes(connection, deadline: .now + .seconds(5)))
            await connection.close(deadline: .now)
        }
    }
}
