import EtcdTestSupport
import MicroEtcd
import MicroTestSupport
import MicroTesting
import Testing

/// Watches of a real etcd.
@Suite(.timeLimit(.minutes(2))) struct WatchTests {
    /// Reads changes until there are as many as wanted.
    private static func take(
        _ count: Int, from iterator: inout EtcdWatch.Iterator
    ) async throws -> [EtcdWatchEvent] {
        var events: [EtcdWatchEvent] = []
        while events.count < count, let batch = try await iterator.next() { events += batch.events }
        return events
    }

    @Test func tellsChangesBehindARevisionWithWhatWasThereBefore() async throws {
        try await withEtcd { client, _ in
            let start = try await client.put(bytes("a/1"), bytes("old")).revision
            let lease = try await client.grantLease(seconds: 60)
            try await client.put(bytes("a/1"), bytes("new"), lease: lease.id)
            try await client.put(bytes("b"), bytes("not asked for"))
            try await client.delete(.key("a/1"))
            var iterator = client.watch(.prefix("a/"), after: start, includesPrevious: true)
                .makeAsyncIterator()
            var events = try await Self.take(2, from: &iterator)
            #expect(events.map(\.kind) == [.put, .delete])
            #expect(events[0].keyValue.text == "new" && events[0].keyValue.lease == lease.id)
            #expect(events[0].previous?.text == "old" && events[0].keyValue.version == 2)
            #expect(events[1].keyValue.name == "a/1" && events[1].previous?.text == "new")
            // And those that come later.
            try await client.put(bytes("a/2"), bytes("later"))
            events = try await Self.take(1, from: &iterator)
            #expect(events.map(\.keyValue.text) == ["later"] && events[0].previous == nil)
        }
    }

    @Test func goesOnAfterLossesWithoutOne() async throws {
        let server = try await EtcdServer.started()
        try await withFaultProxy(to: server.address) { proxy in
            try await withClient(try makeClient(proxy.address)) { client in
                let start = try await client.put(bytes("k"), bytes("0")).revision
                var iterator = client.watch(.key("k"), after: start).makeAsyncIterator()
                for step in 1...3 {
                    await proxy.cut(refusingNew: true)
                    try await server.ctl(["put", "k", "\(step)"])
                    await proxy.restore()
                    let events = try await Self.take(1, from: &iterator)
                    #expect(events.map(\.keyValue.text) == ["\(step)"])
                }
            }
        }
    }

    /// A watch that begins with the next change goes on behind the revision at which it began.
    @Test func missesNothingAlsoWithoutARevision() async throws {
        let server = try await EtcdServer.started()
        try await withFaultProxy(to: server.address) { proxy in
            try await withClient(try makeClient(proxy.address)) { client in
                try await client.put(bytes("k"), bytes("before"))
                var iterator = client.watch(.key("k")).makeAsyncIterator()
                async let writer: Void = {
                    // Until the watch is there, it has nothing to tell.
                    try await eventually("it is watched") {
                        try await client.put(bytes("k"), bytes("now"))
                        return try await server.watcherCount() > 0
                    }
                    try await client.put(bytes("k"), bytes("now"))
                }()
                let first = try await iterator.next()
                try await writer
                #expect(first?.events.allSatisfy { $0.keyValue.text == "now" } == true)
                let last = try await client.put(bytes("k"), bytes("end")).revision
                var reached = first?.revision
                while let revision = reached, revision.number < last.number {
                    reached = try await iterator.next()?.revision
                }
                await proxy.cut(refusingNew: true)
                try await server.ctl(["put", "k", "while it was away"])
                await proxy.restore()
                let events = try await Self.take(1, from: &iterator)
                #expect(events.map(\.keyValue.text) == ["while it was away"])
            }
        }
    }

    @Test func tellsThatTheChangesBetweenAreGone() async throws {
        try await withEtcd { client, server in
            let start = try await client.put(bytes("k"), bytes("0")).revision
            for _ in 0..<5 { try await client.put(bytes("k"), bytes("1")) }
            try await server.ctl(["compact", "\(start.number + 4)"])
            var iterator = client.watch(.key("k"), after: start).makeAsyncIterator()
            let error = await #expect(throws: EtcdError.self) { _ = try await iterator.next() }
            #expect(error?.code == .compacted)
        }
    }

    @Test func tellsThatTheDataAreOthers() async throws {
        try await withEtcd { client, _ in
            let now = try await client.put(bytes("k"), bytes("0")).revision
            for revision in [
                EtcdRevision(now.number, of: now.cluster &+ 1),
                EtcdRevision(now.number + 1000, of: now.cluster),
            ] {
                var iterator = client.watch(.key("k"), after: revision).makeAsyncIterator()
                let error = await #expect(throws: EtcdError.self) { _ = try await iterator.next() }
                #expect(error?.code == .compacted, "\(revision)")
            }
        }
    }

    /// More than one message of etcd's holds: it cuts the changes of one revision in pieces.
    @Test func putsLargeRevisionsTogether() async throws {
        try await withEtcd { client, server in
            let start = try await client.put(bytes("k"), bytes("0")).revision
            let value = [UInt8](repeating: 0x78, count: 400_000)
            for round in 0..<8 {
                let puts = (0..<3).map { EtcdOperation.put(key: bytes("big/\(round)/\($0)"), value: value) }
                _ = try await client.commit(EtcdTransaction(if: [], then: puts))
            }
            var iterator = client.watch(.prefix("big/"), after: start).makeAsyncIterator()
            var count = 0
            var reached = start
            while count < 24, let batch = try await iterator.next() {
                #expect(batch.revision.number >= reached.number)
                reached = batch.revision
                count += batch.events.count
                // No batch says more than it has told.
                #expect(count >= 3 * Int(reached.number - start.number))
            }
            #expect(count == 24)
            let last = try await client.put(bytes("big/end"), bytes("1")).revision
            while let batch = try await iterator.next(), batch.revision != last {}
        }
    }

    @Test func endsWithItsTask() async throws {
        try await withEtcd { client, server in
            try await withThrowingTaskGroup(of: EtcdError.Code?.self) { group in
                group.addTask {
                    var iterator = client.watch(.key("k")).makeAsyncIterator()
                    do throws(EtcdError) {
                        while try await iterator.next() != nil {}
                        return nil
                    } catch {
                        return error.code
                    }
                }
                try await eventually("it is watched") { try await server.watcherCount() == 1 }
                group.cancelAll()
                #expect(try await group.next() == .some(.cancelled))
            }
            try await eventually("etcd has ended it") { try await server.watcherCount() == 0 }
        }
    }
}
