import InMemoryLogging
import Logging
import MicroCore
import MicroPluginKit
import MicroTesting
import NIOCore
import Testing

@testable import MicroRegistryMDNS

@Suite(.timeLimit(.minutes(2))) struct LifecycleTests {
    @Test func unknownInterfacesAreNamedWithThoseThatArePresent() async throws {
        let registry = Network.registry(on: ["nosuch0"])
        let watch = registry.watch("greeter")
        let error = await #expect(throws: StartError.self) { try await registry.run() }
        #expect(error?.message.contains("\"nosuch0\"") == true)
        #expect(error?.message.contains("Present: ") == true)
        for name in Network.interfaces { #expect(error?.message.contains(name) == true) }
        // What waits is told as well.
        let failure = await #expect(throws: MicroError.self) { try await registry.lookup("greeter") }
        #expect(failure?.status == .unavailable && failure?.processed == .no)
        await #expect(throws: MicroError.self) { for try await _ in watch {} }
    }

    @Test func withoutMulticastOneWarningSaysWhatToDo() async throws {
        let log = InMemoryLogHandler()
        let names = try #require(ServiceNames(domain: "micro"))
        let engine = Engine(
            names: names, timeout: .milliseconds(1), directory: RegistryDirectory(isSynced: false),
            logger: Logger(label: "test") { _ in log })
        for _ in 0..<3 { await engine.adapt(to: []) }
        let warnings = log.entries.filter { $0.level == .warning }.map { "\($0.message)" }
        #expect(warnings.count == 1)
        #expect(warnings.first?.contains("ip link set lo multicast on") == true)
        #expect(warnings.first?.contains("MICRO_REGISTRY") == true)
        // Others can't be found meanwhile, which isn't that they don't exist; our own are there.
        let record = Network.record(Network.serviceName())
        try await engine.register(record, timeToLive: nil)
        #expect(try await engine.lookUp(record.name) == [record])
        let error = await #expect(throws: MicroError.self) { try await engine.lookUp("nobody") }
        #expect(error?.status == .unavailable && error?.detail == warnings.first)
        // With an interface it goes on, and says so; the next time without one is news again.
        let loopback = try NetworkInterface.all().filter { $0.name == Network.interfaces[0] }
        await engine.adapt(to: loopback)
        #expect(log.entries.last?.message == "mDNS listens.")
        #expect(try await engine.lookUp("nobody") == [])
        await engine.adapt(to: [])
        #expect(log.entries.filter { $0.level == .warning }.count == 2)
        await engine.close()
    }

    @Test func callsWaitForTheStart() async throws {
        let registry = Network.registry(on: [Network.interfaces[0]])
        let record = Network.record(Network.serviceName())
        try await withThrowingTaskGroup { group in
            group.addTask {
                try await registry.register(record, timeToLive: nil)
                #expect(try await registry.lookup(record.name) == [record])
            }
            group.addTask {
                try? await Task.sleep(for: .milliseconds(50))
                try await registry.run()
            }
            _ = try await group.next()
            group.cancelAll()
        }
        let error = await #expect(throws: MicroError.self) { try await registry.services() }
        #expect(error?.status == .unavailable)
    }

    @Test func cancelledCallsEnd() async throws {
        let registry = MDNSRegistry(
            configuration: .init(domain: "micro", interfaces: Network.interfaces, timeout: .seconds(60)))
        // Before the registry runs, and while it waits for answers.
        for isRunning in [false, true] {
            await withTaskGroup { group in
                if isRunning { group.addTask { try? await registry.run() } }
                group.addTask {
                    _ = await #expect(throws: CancellationError.self) { try await registry.lookup("nobody") }
                }
                try? await Task.sleep(for: .milliseconds(50))
                group.cancelAll()
            }
        }
    }

    @Test func readsItsConfiguration() throws {
        func configuration(_ variables: [String: String]) throws -> MDNSRegistry.Configuration {
            try MDNSRegistry.Configuration(context: .testing(role: "registry", variables: variables))
        }
        #expect(try configuration([:]) == .defaults)
        let configured = try configuration([
            "MICRO_REGISTRY_DOMAIN": "example.net", "MICRO_REGISTRY_INTERFACES": "lo, eth0",
            "MICRO_REGISTRY_TIMEOUT": "1.5s",
        ])
        #expect(configured.domain == "example.net" && configured.interfaces == ["lo", "eth0"])
        #expect(configured.timeout == .milliseconds(1500))
        for (key, value) in [("timeout", "soon"), ("timeout", "0"), ("timeout", "2m"), ("domain", "a..b")] {
            let error = #expect(throws: StartError.self) {
                try configuration([
                    "MICRO_REGISTRY_\(key.uppercased())": value
                ])
            }
            #expect(error?.message.contains("MICRO_REGISTRY_\(key.uppercased())") == true)
            #expect(error?.message.contains(value) == true)
        }
    }

    @Test func isLinkedAsAPlugin() throws {
        let plugin = try Plugins.linked.choose(.registry, name: "mdns")
        #expect(plugin.module == "MicroRegistryMDNS")
    }
}
