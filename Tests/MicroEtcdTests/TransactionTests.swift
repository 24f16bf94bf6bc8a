import EtcdTestSupport
import MicroCore
import MicroTestSupport
import MicroTesting
import Testing

@testable import MicroEtcd

/// Transactions in a real etcd.
@Suite(.timeLimit(.minutes(2))) struct TransactionTests {
    @Test func doesOneOfTwoThings() async throws {
        try await withEtcd { client, _ in
            let key = bytes("lock")
            let take = { (owner: String) in
                EtcdTransaction(
                    if: [.isAbsent(key)], then: [.put(key: key, value: bytes(owner))], else: [.get(.key(key))]
                )
            }
            let first = try await client.commit(take("a"))
            #expect(
                first.succeeded && first.results == [.put(EtcdPut(revision: first.revision, previous: nil))])
            let second = try await client.commit(take("b"))
            #expect(!second.succeeded && second.revision == first.revision)
            guard case .get(let range) = second.results.first else {
                Issue.record("\(second.results)")
                return
            }
            #expect(range.keyValues.map(\.text) == ["a"])
        }
    }

    @Test func comparesWhatEtcdCompares() async throws {
        try await withEtcd { client, _ in
            let key = bytes("k")
            let lease = try await client.grantLease(seconds: 60)
            let created = try await client.put(key, bytes("m")).revision.number
            let changed = try await client.put(key, bytes("n"), lease: lease.id).revision.number
            let holds: [EtcdCompare] = [
                .isPresent(key), .isUnchanged(key, since: changed), .isAbsent(bytes("other")),
                .init(.key(key), .equal, .version(2)), .init(.key(key), .less, .version(3)),
                .init(.key(key), .equal, .createRevision(created)),
                .init(.key(key), .greater, .createRevision(created - 1)),
                .init(.key(key), .notEqual, .modRevision(created)),
                .init(.key(key), .equal, .value(bytes("n"))),
                .init(.key(key), .greater, .value(bytes("m"))), .init(.key(key), .equal, .lease(lease.id)),
                .init(.key("other"), .equal, .lease(0)),
                // All keys of a range, and of one that has none.
                .init(.prefix("k"), .equal, .version(2)), .init(.prefix("x/"), .equal, .version(0)),
            ]
            for comparison in holds {
                #expect(try await client.commit(.init(if: [comparison], then: [])).succeeded, "\(comparison)")
            }
            let fails: [EtcdCompare] = [
                .isAbsent(key), .isPresent(bytes("other")), .isUnchanged(key, since: created),
                .init(.key(key), .equal, .version(1)), .init(.key(key), .notEqual, .value(bytes("n"))),
                .init(.key("other"), .equal, .value([])), .init(.key(key), .equal, .lease(0)),
            ]
            for comparison in fails {
                #expect(
                    try await !client.commit(.init(if: [comparison], then: [])).succeeded, "\(comparison)")
            }
            // One that fails is enough.
            #expect(try await !client.commit(.init(if: holds + [fails[0]], then: [])).succeeded)
        }
    }

    @Test func isOneChange() async throws {
        try await withEtcd { client, _ in
            try await client.put(bytes("old"), bytes("1"))
            let inner = EtcdTransaction(
                if: [.isPresent(bytes("old"))], then: [.get(.key("old"), .init(contents: .count))])
            let result = try await client.commit(
                EtcdTransaction(
                    if: [],
                    then: [
                        .put(key: bytes("a"), value: bytes("1")), .transaction(inner),
                        .put(key: bytes("b"), value: bytes("2"), returnsPrevious: true),
                        .delete(.key("old"), returnsPrevious: true),
                    ]))
            #expect(result.results.count == 4)
            let found = try await client.get(.prefix(""))
            #expect(found.keyValues.map(\.name) == ["a", "b"])
            #expect(found.keyValues.allSatisfy { $0.modRevision == result.revision.number })
            if case .transaction(let nested) = result.results[1], case .get(let range) = nested.results.first
            {
                #expect(nested.succeeded && range.count == 1)
            } else {
                Issue.record("\(result.results[1])")
            }
            if case .delete(let deletion) = result.results[3] {
                #expect(deletion.count == 1 && deletion.previous.map(\.text) == ["1"])
            } else {
                Issue.record("\(result.results[3])")
            }
        }
    }

    /// etcd refuses a transaction that writes a key twice, and nothing of it is done.
    @Test func saysWhatEtcdRefuses() async throws {
        try await withEtcd { client, _ in
            let twice = EtcdOperation.put(key: bytes("k"), value: bytes("1"))
            let error = await #expect(throws: EtcdError.self) {
                try await client.commit(.init(if: [], then: [twice, twice]))
            }
            #expect(error?.code == .refused && error?.message.contains("duplicate key") == true)
            let found = try await client.get(.key("k"))
            #expect(found.keyValues.isEmpty)
        }
    }

    /// What may have come about isn't done twice; what changes nothing is.
    @Test func isNotMadeAgainWhenAnAnswerIsLost() async throws {
        let server = try await EtcdServer.started()
        try await withFaultProxy(to: server.address) { proxy in
            let client = try makeClient(proxy.address, timeout: .seconds(20))
            try await withClient(client) { client in
                try await client.put(bytes("k"), bytes("1"))
                let revision = try await server.revision()
                await proxy.set(.stalled, .toClient)
                async let lost = client.commit(
                    .init(if: [], then: [.put(key: bytes("k"), value: bytes("2"))]))
                try await eventually("etcd has done it") { try await server.revision() == revision + 1 }
                await proxy.cut()
                do {
                    Issue.record("\(try await lost)")
                } catch let error as EtcdError {
                    #expect(error.code == .unavailable && error.processed == .maybe, "\(error)")
                }
                await proxy.restore()
                #expect(try await client.commit(.init(if: [], then: [.get(.key("k"))])).succeeded)
                #expect(try await server.revision() == revision + 1)
            }
        }
    }
}
