import MicroCore
import NIOCore
import Testing

@testable import MicroRegistryMDNS

/// The network on which the live tests run.
enum Network {
    /// The loopback interface and the first real one.
    static let interfaces: [String] = {
        guard let all = try? NetworkInterface.all().filter({ $0.v4 != nil }) else { return [] }
        let loopback = all.first { $0.v4?.address?.ipAddress == "127.0.0.1" }
        let real = all.first { $0.v4?.address?.ipAddress?.hasPrefix("127.") == false }
        return [loopback, real].compactMap { $0?.name }
    }()

    /// Each interface with each family that works there: IPv6 multicast needs a route, which loopback
    /// interfaces lack.
    static let links: [(interface: String, family: String)] =
        interfaces.map { ($0, "4") } + interfaces.dropFirst().filter(hasIPv6).map { ($0, "6") }

    private static func hasIPv6(_ name: String) -> Bool {
        (try? NetworkInterface.all().first { $0.name == name }?.v6) != nil
    }

    /// A registry on some interfaces, with a time limit that suits a busy machine.
    static func registry(on interfaces: [String]? = nil) -> MDNSRegistry {
        MDNSRegistry(
            configuration: MDNSRegistry.Configuration(
                domain: "micro", interfaces: interfaces, timeout: .seconds(1)))
    }

    /// A name that no other test uses.
    static func serviceName() -> String { "go.micro.test.s\(UInt32.random(in: 0...(.max)))" }

    /// A record with one node.
    static func record(_ service: String, node: String = "a", port: Int = 8080) -> ServiceRecord {
        ServiceRecord(
            name: service, version: "1.2.3",
            endpoints: [EndpointRecord(name: "Greeter.Hello", request: ValueRecord(name: "Q", type: "Q"))],
            nodes: [
                Node(id: "\(service)-\(node)", address: "127.0.0.1:\(port)", metadata: ["protocol": "grpc"])
            ])
    }

    /// Runs registries while a closure does.
    static func run(_ registries: MDNSRegistry..., body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup { group in
            for registry in registries { group.addTask { try await registry.run() } }
            try await body()
            group.cancelAll()
            try await group.waitForAll()
        }
    }
}
