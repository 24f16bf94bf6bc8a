import MicroCore
import Testing

@testable import MicroPluginKit

@Suite(.timeLimit(.minutes(2))) struct RegistryDirectoryTests {
    private func record(_ id: String, service: String = "x", version: String = "1", step: Int = 0)
        -> ServiceRecord
    {
        ServiceRecord(
            name: service, version: version,
            nodes: [Node(id: id, address: "127.0.0.1:1", metadata: ["step": "\(step)"])])
    }

    private func key(_ id: String) -> NodeKey { NodeKey(service: "x", version: "1", id: id) }

    @Test func presentNodesThenSyncedThenChanges() async throws {
        let directory = RegistryDirectory(isSynced: true)
        #expect(directory.insert(record("a")))
        let changes = directory.watch("x").makeAsyncIterator()
        #expect(try await changes.next() == .up(record("a")))
        #expect(try await changes.next() == .synced)
        #expect(!directory.insert(record("a")))
        #expect(directory.insert(record("a", step: 1)))
        #expect(!directory.insert(ServiceRecord(name: "x")))
        directory.insert(record("b", service: "y"))
        #expect(directory.remove(key("a")))
        #expect(!directory.remove(key("a")))
        #expect(try await changes.next() == .down(key("a")), "an unread change is replaced")
    }

    @Test func syncedComesWhenItIsKnown() async throws {
        let directory = RegistryDirectory(isSynced: false)
        let one = directory.watch("x").makeAsyncIterator()
        let all = directory.watch(nil).makeAsyncIterator()
        directory.insert(record("a"))
        directory.markSynced(service: "x")
        directory.markSynced(service: "x")
        directory.insert(record("b"))
        directory.markSynced()
        directory.markSynced()
        directory.insert(record("c"))
        for wanted: RegistryChange in [.up(record("a")), .synced, .up(record("b")), .up(record("c"))] {
            #expect(try await one.next() == wanted)
        }
        for wanted: RegistryChange in [.up(record("a")), .up(record("b")), .synced, .up(record("c"))] {
            #expect(try await all.next() == wanted)
        }
        #expect(directory.watchedServices == ["x"])
    }

    @Test func replacingTellsTheDifference() async throws {
        let directory = RegistryDirectory(isSynced: true)
        for id in ["a", "b"] { directory.insert(record(id)) }
        directory.insert(record("s", service: "y"))
        let changes = directory.watch(nil).makeAsyncIterator()
        for _ in 0..<4 { _ = try await changes.next() }
        directory.replace(with: [record("b"), record("c")], service: "x")
        #expect(try await changes.next() == .down(key("a")))
        #expect(try await changes.next() == .up(record("c")))
        #expect(directory.services == ["x", "y"])
        directory.replace(with: [], service: nil)
        #expect(directory.services.isEmpty)
    }

    @Test func aSlowReaderGetsTheLatestOnly() async throws {
        let queue = ChangeQueue {}
        for step in 0..<10_000 { queue.push(.up(record("\(step % 3)", step: step)))?() }
        #expect(queue.storedCount <= 2 * 3 + 17)
        var steps: [String?] = []
        for _ in 0..<3 {
            guard case .up(let record)? = try await queue.next() else { break }
            steps.append(record.nodes.first?.metadata?["step"])
        }
        #expect(steps == ["9997", "9998", "9999"])
    }

    @Test func aQueueThatIsNeverEmptyDoesNotGrow() async throws {
        let queue = ChangeQueue {}
        for step in 0..<5 { queue.push(.up(record("\(step)")))?() }
        for step in 5..<5_000 {
            queue.push(.up(record("\(step)")))?()
            #expect(try await queue.next() == .up(record("\(step - 5)")))
        }
        #expect(queue.storedCount < 50)
    }

    @Test func watchersThatNobodyReadsAreDropped() async throws {
        let directory = RegistryDirectory(isSynced: true)
        for _ in 0..<100 { _ = directory.watch("x") }
        #expect(directory.watchedServices.isEmpty)
        let kept = directory.watch("x")
        #expect(directory.watchedServices == ["x"])
        await withTaskGroup { group in
            group.addTask {
                while let change = try? await kept.first(where: { $0 != .synced }) { _ = change }
            }
            group.cancelAll()
        }
        #expect(directory.watchedServices.isEmpty)
    }

    /// A reader that is cancelled while the directory changes: each side once waited for the other's lock.
    @Test(.timeLimit(.minutes(1))) func doesNotWaitForAReaderThatIsCancelled() async {
        let directory = RegistryDirectory(isSynced: true)
        for round in 0..<5000 {
            let changes = directory.watch("x")
            let reader = Task { for try await _ in changes {} }
            await Task.yield()
            async let inserted = directory.insert(record("a", step: round))
            async let cancelled: Void = reader.cancel()
            _ = await (inserted, cancelled)
            _ = await reader.result
        }
        #expect(directory.lookup("x").first?.nodes.first?.metadata?["step"] == "4999")
    }

    @Test func whatIsForgottenIsNotTakenForGone() throws {
        let directory = RegistryDirectory(isSynced: false)
        let own = record("own", service: "z")
        var watch: RegistryChanges? = directory.watch("x")
        var all: RegistryChanges? = directory.watch(nil)
        for record in [record("a"), record("b", service: "y"), own] { directory.insert(record) }
        #expect(directory.syncedLookup("x") == nil && directory.syncedServices == nil)
        directory.markSynced(service: "x")
        #expect(directory.syncedLookup("x") == [record("a")] && directory.syncedLookup("y") == nil)
        directory.markSynced()
        #expect(directory.syncedServices == ["x", "y", "z"] && directory.syncedLookup("none") == [])
        withExtendedLifetime(all) {}
        all = nil
        let left = directory.forgetUnwatched(keeping: Set(own.keys))
        #expect(left.services == ["x"] && !left.all)
        #expect(directory.services == ["x", "z"] && directory.syncedServices == nil)
        #expect(directory.syncedLookup("x") == [record("a")] && directory.syncedLookup("y") == nil)
        withExtendedLifetime(watch) {}
        watch = nil
        _ = directory.forgetUnwatched(keeping: [])
        #expect(directory.services.isEmpty && directory.syncedLookup("x") == nil)
    }

    @Test func aLostDirectoryEndsAllWatches() async throws {
        let directory = RegistryDirectory(isSynced: true)
        let before = directory.watch("x").makeAsyncIterator()
        #expect(try await before.next() == .synced)
        directory.fail(StartError(.unavailable, "gone"))
        await #expect(throws: StartError.self) { try await before.next() }
        let after = directory.watch("x").makeAsyncIterator()
        await #expect(throws: StartError.self) { try await after.next() }
    }

    @Test func manyTasksAtOnce() async throws {
        let directory = RegistryDirectory(isSynced: true)
        let changes = directory.watch("x")
        try await withThrowingTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for step in 0..<200 {
                        directory.insert(self.record("\(task)", step: step))
                        if step % 10 == 9, step < 199 { directory.remove(self.key("\(task)")) }
                        _ = directory.lookup("x")
                    }
                }
            }
            try await group.waitForAll()
        }
        var present: Set<String> = []
        let iterator = changes.makeAsyncIterator()
        while present.count < 8 {
            if case .up(let record)? = try await iterator.next() {
                #expect(record.nodes.first?.metadata?["step"] == "199")
                present.formUnion(record.nodes.map(\.id))
            }
        }
        #expect(directory.lookup("x").first?.nodes.count == 8)
    }

    @Test func theDefaultWorkLastsUntilItIsCancelled() async throws {
        struct Idle: Registry {
            let directory = RegistryDirectory(isSynced: true)
            let name = "idle"
            func register(_ record: ServiceRecord, timeToLive: Duration?) async throws {}
            func deregister(_ record: ServiceRecord) async throws {}
            func lookup(_ service: String) async throws -> [ServiceRecord] { [] }
            func services() async throws -> [String] { [] }
            func watch(_ service: String?) -> RegistryChanges { directory.watch(service) }
        }
        let endedFirst = try await withThrowingTaskGroup { group in
            group.addTask {
                try await Idle().run()
                return "run"
            }
            group.addTask {
                try await Task.sleep(for: .milliseconds(50))
                return "sleep"
            }
            defer { group.cancelAll() }
            return try await group.next()
        }
        #expect(endedFirst == "sleep")
    }
}
