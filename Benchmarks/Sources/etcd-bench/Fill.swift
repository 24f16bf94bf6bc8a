import ArgumentParser
import MicroRegistryEtcd

/// Registers nodes that stay when the program ends.
struct Fill: AsyncParsableCommand {
    @OptionGroup var target: Target

    @Option(help: "How many services there are.")
    var services: Int

    @Option(help: "How many nodes each has.")
    var nodes: Int

    func run() async throws {
        let registry = EtcdRegistry(configuration: .init(addresses: [target.address], timeout: .seconds(30)))
        let (services, nodes) = (services, nodes)
        try await withRunning([registry]) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<min(64, services) {
                    group.addTask {
                        for service in stride(from: worker, to: services, by: 64) {
                            for node in 0..<nodes {
                                try await registry.register(Records.node(node, of: service), timeToLive: nil)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        print("filled \(services * nodes)")
    }
}
