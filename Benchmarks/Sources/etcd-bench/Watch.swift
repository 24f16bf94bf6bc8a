import ArgumentParser
import Foundation
import MicroCore
import MicroRegistryEtcd
import Synchronization

/// Adds nodes of a service that many watch, each with a connection of its own, and measures when they see them.
struct Watch: AsyncParsableCommand {
    @OptionGroup var target: Target

    @Option(help: "How many watch.")
    var watchers: Int

    @Option(help: "How many nodes are added.")
    var adds: Int

    func run() async throws {
        let configuration = EtcdRegistry.Configuration(addresses: [target.address], timeout: .seconds(30))
        let writer = EtcdRegistry(configuration: configuration)
        let registries = (0..<watchers).map { _ in EtcdRegistry(configuration: configuration) }
        let sightings = Sightings()
        let (adds, watchers) = (adds, watchers)
        try await withRunning(registries + [writer]) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for registry in registries {
                    group.addTask {
                        try await Self.follow(registry, adds: adds) { latency in
                            sightings.latencies.withLock { $0.append(latency) }
                        } onSynced: {
                            sightings.synced.withLock { $0 += 1 }
                        }
                    }
                }
                group.addTask {
                    while sightings.synced.withLock(\.self) < watchers {
                        try await Task.sleep(for: .milliseconds(10))
                    }
                    // Whoever started us has other watchers to start, and says when to begin.
                    print("ready")
                    fflush(nil)
                    guard readLine() == "go" else { throw ValidationError("A line with \"go\" begins it.") }
                    for add in 0..<adds {
                        // New nodes beside those that are listed: they go when this program ends.
                        let record = Records.node(100_000 + add, of: 0, metadata: ["sent": "\(Self.now)"])
                        try await writer.register(record, timeToLive: .seconds(60))
                        try await Task.sleep(for: .milliseconds(20))
                    }
                }
                try await group.waitForAll()
            }
        }
        let sorted = sightings.latencies.withLock(\.self).sorted()
        print("seen \(sorted.count) \(sorted[sorted.count / 2]) \(sorted[sorted.count * 99 / 100])")
    }

    /// What all watchers have seen.
    private final class Sightings: Sendable {
        let latencies = Mutex<[Double]>([])
        let synced = Mutex(0)
    }

    /// Reads the changes of the service until all nodes were seen.
    private static func follow(
        _ registry: EtcdRegistry, adds: Int, onSeen: (Double) -> Void, onSynced: () -> Void
    ) async throws {
        var seen = 0
        for try await change in registry.watch(Records.prefix + "0") {
            if change == .synced { onSynced() }
            guard case .up(let record) = change,
                let sent = record.nodes.first?.metadata?["sent"].flatMap(Int.init)
            else { continue }
            onSeen(Double(now - sent) / 1e6)
            seen += 1
            if seen == adds { return }
        }
    }

    /// The time of day in nanoseconds, as other programs have it.
    private static var now: Int {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}
