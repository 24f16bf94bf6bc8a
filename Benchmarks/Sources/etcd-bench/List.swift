import ArgumentParser
import Foundation
import MicroCore
import MicroRegistryEtcd

/// Watches all services until the present nodes are known: how long that takes, and how much memory they take.
struct List: AsyncParsableCommand {
    @OptionGroup var target: Target

    @Option(help: "How many nodes there must be.")
    var expect: Int

    func run() async throws {
        let registry = EtcdRegistry(configuration: .init(addresses: [target.address], timeout: .seconds(30)))
        let expect = expect
        let (seconds, bytes) = try await withRunning([registry]) {
            // The connection is not part of the list.
            _ = try await registry.lookup(Records.prefix + "none")
            let before = try Self.residentBytes()
            let begun = ContinuousClock.now
            var count = 0
            let changes = registry.watch(nil)
            for try await change in changes {
                if change == .synced { break }
                count += 1
            }
            let seconds = (ContinuousClock.now - begun) / .seconds(1)
            guard count == expect else { throw ValidationError("There are \(count) nodes, not \(expect).") }
            try await Task.sleep(for: .milliseconds(500))
            let grown = try Self.residentBytes() - before
            // Until here the watch keeps the nodes in the cache.
            withExtendedLifetime(changes) {}
            return (seconds, grown)
        }
        print("listed \(seconds * 1000) \(bytes / max(1, expect))")
    }

    /// What the process has of the machine's memory.
    private static func residentBytes() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        guard let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw ValidationError("/proc/self/statm is not readable.")
        }
        return pages * 4096
    }
}
