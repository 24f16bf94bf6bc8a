// The plugin that Plugins.md writes, so that what it says is known to work.
import Configuration
import MicroCore
import MicroTesting
import Testing

/// A registry whose nodes stand in the configuration.
final class StaticRegistry: Registry {
    let name = "static"
    private let directory = RegistryDirectory(isSynced: true)

    init() {}

    func prepare(_ context: PluginContext) throws {
        // MICRO_REGISTRY_NODES=greeter=10.0.0.1:9090,greeter=10.0.0.2:9090
        for entry in context.config.stringArray(forKey: "nodes", default: []) {
            let parts = entry.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                throw StartError(
                    .invalidConfiguration, "MICRO_REGISTRY_NODES has \"\(entry)\", not name=host:port.")
            }
            directory.insert(ServiceRecord(name: parts[0], nodes: [Node(id: entry, address: parts[1])]))
        }
    }

    func register(_ record: ServiceRecord, timeToLive: Duration?) async throws { directory.insert(record) }
    func deregister(_ record: ServiceRecord) async throws { for key in record.keys { directory.remove(key) } }
    func lookup(_ service: String) async throws -> [ServiceRecord] { directory.lookup(service) }
    func services() async throws -> [String] { directory.services }
    func watch(_ service: String?) -> RegistryChanges { directory.watch(service) }
}

extension Plugin {
    /// The static registry, chosen with `MICRO_REGISTRY=static`.
    static var staticRegistry: Self {
        Plugin(.registry, "static", summary: "nodes from the configuration") { _ in StaticRegistry() }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .staticRegistry }

@Suite struct PluginGuideTests {
    @Test func staticRegistryKeepsItsPromises() async throws {
        var suite = RegistryConformance { StaticRegistry() }
        suite.timeToLive = nil
        try await suite.run()
    }

    @Test func itsNodesComeFromTheConfiguration() async throws {
        let registry = StaticRegistry()
        try registry.prepare(
            Self.context(["micro.registry.nodes": "greeter=10.0.0.1:9090,greeter=10.0.0.2:9090"]))
        let nodes = try await registry.lookup("greeter").flatMap(\.nodes)
        #expect(nodes.map(\.address) == ["10.0.0.1:9090", "10.0.0.2:9090"])
        #expect(throws: StartError.self) {
            try StaticRegistry().prepare(Self.context(["micro.registry.nodes": "greeter"]))
        }
    }

    @Test func itIsFoundByItsRecord() throws {
        let plugin = try Plugins.linked.choose(.registry, name: "static")
        #expect(plugin.module == "MicroMemoryTests")
    }

    private static func context(_ variables: [String: String]) -> PluginContext {
        let environment = Dictionary(
            uniqueKeysWithValues: variables.map { key, value in
                (key.replacing(".", with: "_").uppercased(), value)
            })
        return PluginContext(
            root: ConfigReader(provider: EnvironmentVariablesProvider(environmentVariables: environment)),
            role: "registry", service: ServiceIdentity(name: "test", version: "1", nodeID: "test-1"))
    }
}
