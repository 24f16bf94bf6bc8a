import EtcdTestSupport
import MicroCore
import MicroEtcd
import MicroPluginKit
import MicroTestSupport
import MicroTesting
import Synchronization
import Testing

@testable import MicroRegistryEtcd

/// Two services that register themselves as the engine does, and one who watches them.
final class Fleet: Sendable {
    /// The nodes that the two services register.
    let alive = Fleet.record("a", address: "127.0.0.1:9001")
    let doomed = Fleet.record("b", address: "127.0.0.1:9002")

    /// Who watches, and looks up.
    let observer: EtcdRegistry

    private let configuration: EtcdRegistry.Configuration
    private let timeToLive: Duration
    private let seen = Mutex<[NodeKey: ServiceRecord]>([:])
    private let crash = Latch()
    private let hasCrashed = Latch()

    private init(_ configuration: EtcdRegistry.Configuration, timeToLive: Duration) {
        self.configuration = configuration
        self.timeToLive = timeToLive
        observer = EtcdRegistry(configuration: configuration)
    }

    static func record(_ node: String, version: String = "1.0.0", address: String) -> ServiceRecord {
        ServiceRecord(
            name: "greeter", version: version, endpoints: [EndpointRecord(name: "Greeter.Hello")],
            nodes: [Node(id: "greeter-\(node)", address: address, metadata: ["protocol": "grpc"])])
    }

    /// Runs a fleet while a closure does.
    static func run(
        _ configuration: EtcdRegistry.Configuration, timeToLive: Duration = .seconds(2),
        _ body: @escaping @Sendable (Fleet) async throws -> Void
    ) async throws {
        let fleet = Fleet(configuration, timeToLive: timeToLive)
        try fleet.observer.prepare(.empty)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await fleet.observer.run()
                return false
            }
            group.addTask {
                try await fleet.serve(fleet.alive)
                return false
            }
            group.addTask { try await fleet.serveUntilCrash() }
            group.addTask { try await fleet.watch() }
            group.addTask {
                try await body(fleet)
                return true
            }
            defer { group.cancelAll() }
            while let isBody = try await group.next() {
                if isBody { return }
            }
        }
    }

    /// Ends the second service as a crash does: it says goodbye to nobody.
    func crashDoomed() async {
        crash.open()
        await hasCrashed.wait()
    }

    /// Waits until exactly some nodes are registered, seen by the watch and by a lookup.
    func expect(_ records: [ServiceRecord], within limit: Duration = .seconds(25)) async throws {
        let wanted = Dictionary(uniqueKeysWithValues: records.map { ($0.keys[0], $0) })
        let fresh = EtcdRegistry(configuration: configuration)
        try fresh.prepare(.empty)
        try await withRunning(fresh) {
            let end = ContinuousClock.now + limit
            var found: [NodeKey: ServiceRecord]?
            while self.seen.withLock(\.self) != wanted || found != wanted {
                guard ContinuousClock.now < end else {
                    Issue.record(
                        "Seen \(self.seen.withLock(\.keys)), found \(String(describing: found?.keys))")
                    return
                }
                try await Task.sleep(for: .milliseconds(20))
                guard let records = try? await fresh.lookup("greeter") else { continue }
                found = [:]
                for record in records {
                    for (node, key) in zip(record.nodes, record.keys) {
                        var single = record
                        single.nodes = [node]
                        found?[key] = single
                    }
                }
            }
        }
    }

    private func serve(_ record: ServiceRecord) async throws {
        let registry = EtcdRegistry(configuration: configuration)
        try registry.prepare(.empty)
        try await withRunning(registry) {
            await self.repeatedly { try await registry.register(record, timeToLive: $0) }
        }
    }

    /// Repeats a registration until the task is cancelled, also what fails, as the engine does.
    private func repeatedly(_ register: (_ timeToLive: Duration) async throws -> Void) async {
        while !Task.isCancelled {
            try? await register(timeToLive)
            try? await Task.sleep(for: timeToLive / 3)
        }
    }

    private func serveUntilCrash() async throws -> Bool {
        // Without `EtcdRegistry.run()`, which gives its lease back at the end.
        let core = try EtcdCore(configuration, directory: RegistryDirectory(isSynced: false))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await core.client.run() }
            group.addTask { await core.registrar.run() }
            group.addTask {
                await self.repeatedly { try await core.registrar.register(self.doomed, timeToLive: $0) }
            }
            group.addTask { await self.crash.wait() }
            try await group.next()
            group.cancelAll()
        }
        hasCrashed.open()
        return false
    }

    private func watch() async throws -> Bool {
        for try await change in observer.watch("greeter") {
            seen.withLock { seen in
                switch change {
                case .up(let record): seen[record.keys[0]] = record
                case .down(let key): seen[key] = nil
                case .synced: break
                }
            }
        }
        return false
    }
}

/// Does a registry's background work while a closure runs.
func withRunning<Value: Sendable>(
    _ registries: EtcdRegistry..., body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        for registry in registries {
            group.addTask {
                try await registry.run()
                return nil
            }
        }
        group.addTask { try await body() }
        defer { group.cancelAll() }
        while let value = try await group.next() {
            if let value { return value }
        }
        throw CancellationError()
    }
}

/// A registry that was prepared with nothing but an address.
func makeRegistry(_ server: EtcdServer) throws -> EtcdRegistry {
    let registry = EtcdRegistry(addresses: [server.address])
    try registry.prepare(.empty)
    return registry
}

extension PluginContext {
    /// The context of a service without configuration.
    static var empty: PluginContext { context([:]) }

    /// The context of a service with some variables.
    static func context(_ variables: [String: String]) -> PluginContext {
        .testing(role: "registry", variables: variables)
    }
}
