import EtcdTestSupport
import Foundation
import MicroTestSupport
import MicroTesting
import Synchronization

/// An instance of the service, in a process of its own, which can be started again.
final class Instance: Sendable {
    private let variables: [String: String]
    private let program = Mutex<ForeignProgram?>(nil)

    init(_ variables: [String: String]) { self.variables = variables }

    /// The number of its process.
    var process: Int32 { program.withLock { $0?.processIdentifier ?? 0 } }

    /// Starts it, without waiting for it.
    func start() throws {
        let started = try ForeignProgram(BuiltPrograms.path("fleet-service"), environment: variables)
        program.withLock { $0 = started }
    }

    /// Waits until it is registered.
    func waitUntilReady() async throws {
        try await program.withLock(\.self)?.waitForOutput("Service started.")
    }

    func send(_ signal: Int32) { program.withLock(\.self)?.send(signal: signal) }

    /// Waits for its end.
    func exitStatus() async throws -> Int32 { try await program.withLock(\.self)?.exitStatus() ?? -1 }

    /// What it has logged.
    var log: String { program.withLock(\.self)?.errorOutput ?? "" }
}

/// Instances of a service that are registered in an etcd.
struct Fleet: Sendable {
    let etcd: EtcdServer
    let instances: [Instance]

    /// Starts instances, and runs a closure.
    ///
    /// - Parameters:
    ///   - count: How many instances.
    ///   - variables: What is set for them beside the registry.
    ///   - body: Called once all are registered.
    /// - Throws: What the closure threw, or why the fleet can't be started.
    static func run(
        _ count: Int, _ variables: [String: String] = [:], _ body: (Fleet) async throws -> Void
    ) async throws {
        let etcd = try await EtcdServer.started()
        let fleet = Fleet(
            etcd: etcd, instances: (0..<count).map { _ in Instance(self.variables(etcd, variables)) })
        try await fleet.start()
        try await body(fleet)
        await fleet.stop()
    }

    /// Starts instances with a proxy in front of each, by which alone clients reach it.
    static func run(
        behindProxies count: Int, _ body: @escaping @Sendable (Fleet, [FaultProxy]) async throws -> Void
    ) async throws {
        let etcd = try await EtcdServer.started()
        try await Self.withProxies(count) { proxies in
            let instances = proxies.map { server, proxy in
                Instance(
                    Self.variables(
                        etcd, ["MICRO_SERVER_ADDRESS": server, "MICRO_SERVER_ADVERTISE": proxy.address]))
            }
            let fleet = Fleet(etcd: etcd, instances: instances)
            try await fleet.start()
            try await body(fleet, proxies.map(\.proxy))
            await fleet.stop()
        }
    }

    private static func withProxies(
        _ count: Int, _ others: [(server: String, proxy: FaultProxy)] = [],
        _ body: ([(server: String, proxy: FaultProxy)]) async throws -> Void
    ) async throws {
        guard others.count < count else { return try await body(others) }
        let server = "127.0.0.1:\(try FreePort.tcp())"
        try await withFaultProxy(to: server) { proxy in
            try await withProxies(count, others + [(server, proxy)], body)
        }
    }

    private static func variables(_ etcd: EtcdServer, _ others: [String: String]) -> [String: String] {
        others.merging(["MICRO_REGISTRY": "etcd", "MICRO_REGISTRY_ADDRESS": "http://\(etcd.address)"]) {
            own, _ in own
        }
    }

    private func start() async throws {
        for instance in instances { try instance.start() }
        for instance in instances { try await instance.waitUntilReady() }
    }

    private func stop() async {
        for instance in instances { instance.send(SIGTERM) }
        // One that doesn't end is killed with its object.
        for instance in instances { _ = try? await instance.exitStatus() }
    }
}
