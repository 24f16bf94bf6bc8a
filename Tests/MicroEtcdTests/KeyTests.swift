import EtcdTestSupport
import MicroCore
import MicroEtcd
import Testing

@Suite(.timeLimit(.minutes(2))) struct KeyRangeTests {
    @Test func aPrefixEndsBehindItsLastKey() {
        #expect(EtcdKeyRange.prefix("a/").end == bytes("a0"))
        #expect(EtcdKeyRange.prefix([1, 255, 255]) == .keys(from: [1, 255, 255], upTo: [2]))
        // Nothing is behind it but the end of all keys.
        #expect(EtcdKeyRange.prefix([255, 255]) == .keys(from: [255, 255], upTo: [0]))
        #expect(EtcdKeyRange.prefix("") == .all)
    }

    @Test func containsTheKeysThatEtcdWouldReturn() {
        #expect(EtcdKeyRange.key("a").contains(bytes("a")) && !EtcdKeyRange.key("a").contains(bytes("ab")))
        #expect(
            EtcdKeyRange.prefix("a").contains(bytes("ab")) && !EtcdKeyRange.prefix("a").contains(bytes("b")))
        #expect(EtcdKeyRange.all.contains([255]) && EtcdKeyRange.prefix([255]).contains([255, 1]))
        #expect(!EtcdKeyRange.keys(from: bytes("b"), upTo: bytes("d")).contains(bytes("d")))
    }
}

/// Keys in a real etcd.
@Suite(.timeLimit(.minutes(2))) struct KeyTests {
    @Test func writesReadsAndDeletes() async throws {
        try await withEtcd { client, server in
            let first = try await client.put(bytes("k"), bytes("one"), returnsPrevious: true)
            #expect(first.previous == nil)
            let second = try await client.put(bytes("k"), bytes("two"), returnsPrevious: true)
            #expect(second.previous?.text == "one")
            #expect(second.revision.number == first.revision.number + 1)
            #expect(second.revision.cluster == first.revision.cluster && second.revision.cluster != 0)
            let found = try await client.get(.key("k"))
            #expect(
                found.keyValues == [
                    EtcdKeyValue(
                        key: bytes("k"), value: bytes("two"), createRevision: first.revision.number,
                        modRevision: second.revision.number, version: 2)
                ])
            #expect(found.count == 1 && !found.hasMore && found.revision == second.revision)
            #expect(try await server.ctl(["get", "k"]) == "k\ntwo\n")
            let deletion = try await client.delete(.key("k"), returnsPrevious: true)
            #expect(deletion.count == 1 && deletion.previous.map(\.text) == ["two"])
            #expect(try await client.delete(.key("k")).count == 0)
            #expect(try await client.get(.key("k")).keyValues.isEmpty)
            // What was there is still there at the revision before.
            let options = EtcdRangeOptions(revision: first.revision.number)
            #expect(try await client.get(.key("k"), options).keyValues.map(\.text) == ["one"])
        }
    }

    @Test func readsRangesInOrdersWithinLimits() async throws {
        try await withEtcd { client, _ in
            for (key, value) in [("n/b", "1"), ("n/a", "3"), ("n/c", "2"), ("m", "0"), ("o", "0")] {
                try await client.put(bytes(key), bytes(value))
            }
            func names(_ options: EtcdRangeOptions, _ range: EtcdKeyRange = .prefix("n/")) async throws
                -> [String]
            {
                try await client.get(range, options).keyValues.map(\.name)
            }
            #expect(try await names(.init()) == ["n/a", "n/b", "n/c"])
            #expect(
                try await names(.init(order: .init(by: .key, isDescending: true))) == ["n/c", "n/b", "n/a"])
            #expect(try await names(.init(order: .init(by: .value))) == ["n/b", "n/c", "n/a"])
            #expect(try await names(.init(order: .init(by: .modRevision))) == ["n/b", "n/a", "n/c"])
            #expect(try await names(.init(), .all) == ["m", "n/a", "n/b", "n/c", "o"])
            #expect(try await names(.init(), .keys(from: bytes("n/b"), upTo: bytes("o"))) == ["n/b", "n/c"])
            let limited = try await client.get(.prefix("n/"), .init(limit: 2))
            #expect(limited.keyValues.count == 2 && limited.hasMore && limited.count == 3)
            let keys = try await client.get(.prefix("n/"), .init(contents: .keys))
            #expect(keys.keyValues.count == 3 && keys.keyValues.allSatisfy(\.value.isEmpty))
            let counted = try await client.get(.prefix("n/"), .init(contents: .count, isSerializable: true))
            #expect(counted.keyValues.isEmpty && counted.count == 3)
            #expect(try await client.delete(.prefix("n/")).count == 3)
        }
    }

    @Test func listsARangeOfMoreThanOnePage() async throws {
        try await withEtcd { client, _ in
            for start in stride(from: 0, to: 1200, by: 100) {
                let puts = (start..<start + 100).map { number in
                    EtcdOperation.put(key: bytes("l/\(1_000_000 + number)"), value: bytes("\(number)"))
                }
                _ = try await client.commit(EtcdTransaction(if: [], then: puts))
            }
            var found: [String] = []
            var pages = 0
            let revision = try await client.list(.prefix("l/")) { page, isFirst in
                if isFirst { found = [] }
                found += page.map(\.text)
                pages += 1
            }
            #expect(found == (0..<1200).map { "\($0)" } && pages == 3)
            #expect(try await client.get(.key("l/")).revision == revision)
        }
    }

    @Test func namesARevisionThatWasCompacted() async throws {
        try await withEtcd { client, server in
            let revision = try await client.put(bytes("k"), bytes("1")).revision.number
            for _ in 0..<3 { try await client.put(bytes("k"), bytes("2")) }
            try await server.ctl(["compact", "\(revision + 2)"])
            let error = await #expect(throws: EtcdError.self) {
                try await client.get(.key("k"), .init(revision: revision))
            }
            #expect(error?.code == .compacted)
            let future = await #expect(throws: EtcdError.self) {
                try await client.get(.key("k"), .init(revision: revision + 1000))
            }
            #expect(future?.code == .refused && future?.status == .outOfRange)
            let empty = await #expect(throws: EtcdError.self) { try await client.put([], bytes("1")) }
            #expect(empty?.code == .refused && empty?.message.contains("key is not provided") == true)
        }
    }
}
