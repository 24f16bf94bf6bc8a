import EtcdTestSupport
import Foundation
import InMemoryLogging
import Logging
import MicroCore
import MicroEtcd
import MicroTestSupport
import MicroTesting
import MicroWire
import Synchronization
import Testing

@testable import MicroRegistryEtcd

/// An etcd, or something in its place, that means no good.
@Suite(.timeLimit(.minutes(2))) struct HostileEtcdTests {
    private static let limits: [Int64] = [.max, .max - 1, .min, -1]

    /// A response whose watch was accepted.
    private static func created(_ revision: Int64, cluster: UInt64 = 0) -> EtcdPBWatchResponse {
        var response = EtcdPBWatchResponse()
        response.created = true
        (response.header.revision, response.header.clusterID) = (revision, cluster)
        return response
    }

    @Test(arguments: limits) func revisionsAtTheirLimitsEndNothing(_ revision: Int64) async throws {
        var script = StubEtcd.Script()
        script.range = { _, number in
            var response = EtcdPBRangeResponse()
            // Also the first answer, which shows that it is an etcd.
            response.header.revision = revision
            return response
        }
        script.watch = { _ in [Self.created(revision)] }
        try await StubEtcd.run(script) { registry, stub in
            if (0 ..< .max).contains(revision) {
                #expect(try await registry.lookup("greeter").isEmpty)
            } else {
                let error = await #expect(throws: MicroError.self) { try await registry.lookup("greeter") }
                #expect(error?.detail.contains("revision \(revision)") == true, "\(error?.detail ?? "")")
            }
            let changes = registry.watch("greeter")
            let wanted = (0 ..< .max).contains(revision) ? 3 : 4
            try await eventually("it is listed") { stub.count("/etcdserverpb.KV/Range") >= wanted }
            withExtendedLifetime(changes) {}
        }
    }

    @Test(arguments: limits) func revisionsOfAWatchAtTheirLimitsEndNothing(_ revision: Int64) async throws {
        let record = Fleet.record("a", address: "127.0.0.1:9001")
        let json = record.json()
        var script = StubEtcd.Script()
        script.watch = { number in
            var event = EtcdPBWatchResponse()
            event.header.revision = revision
            if number % 2 == 0 {
                var put = EtcdPBEvent()
                put.kv.key = Data("/micro/registry/greeter/greeter-a".utf8)
                put.kv.value = Data(json)
                put.kv.modRevision = revision
                event.events = [put]
                event.header.revision = 5
            }
            return [Self.created(1), event]
        }
        try await StubEtcd.run(script) { registry, stub in
            let changes = registry.watch("greeter")
            if (0 ..< .max).contains(revision) {
                let iterator = changes.makeAsyncIterator()
                #expect(try await iterator.next() == .synced)
                #expect(try await iterator.next() == .up(record))
            } else {
                try await eventually("it is tried again") { stub.count("/etcdserverpb.Watch/Watch") >= 4 }
            }
            withExtendedLifetime(changes) {}
        }
    }

    @Test(arguments: limits) func timesOfLeasesAtTheirLimitsEndNothing(_ seconds: Int64) async throws {
        var script = StubEtcd.Script()
        script.lease = {
            var response = EtcdPBLeaseGrantResponse()
            (response.id, response.ttl) = (seconds, seconds)
            return response
        }
        script.renewal = { seconds }
        try await StubEtcd.run(script) { registry, stub in
            let record = Fleet.record("a", address: "127.0.0.1:9001")
            try await registry.register(record, timeToLive: .seconds(60))
            try await eventually("it is renewed") { stub.count("/etcdserverpb.Lease/LeaseKeepAlive") > 0 }
            try await registry.deregister(record)
        }
    }

    @Test func aListingThatNeverEndsIsGivenUp() async throws {
        var script = StubEtcd.Script()
        script.range = { request, number in
            var response = EtcdPBRangeResponse()
            response.header.revision = 1
            response.more = true
            var pair = EtcdPBKeyValue()
            pair.key = Data("/micro/registry/greeter/".utf8) + Data(String(format: "%010d", number).utf8)
            response.kvs = [pair]
            return response
        }
        try await StubEtcd.run(script, timeout: .milliseconds(500)) { registry, _ in
            let start = ContinuousClock.now
            let error = await #expect(throws: MicroError.self) { try await registry.lookup("greeter") }
            #expect(ContinuousClock.now - start < .seconds(20))
            #expect(
                error?.detail.contains("not at its end in time") == true || error?.status == .unavailable)
        }
    }

    @Test func aListingOfTooManyKeysIsGivenUp() async throws {
        var script = StubEtcd.Script()
        script.range = { request, number in
            var response = EtcdPBRangeResponse()
            response.header.revision = 1
            response.more = true
            response.kvs = (0..<20_000).map { index in
                var pair = EtcdPBKeyValue()
                let key = "/micro/registry/greeter/" + String(format: "%010d%010d", number, index)
                pair.key = Data(key.utf8)
                return pair
            }
            return response
        }
        try await StubEtcd.run(script, timeout: .seconds(60)) { registry, stub in
            let error = await #expect(throws: MicroError.self) { try await registry.lookup("greeter") }
            #expect(error?.detail.contains("more than 100000 keys") == true, "\(error?.detail ?? "")")
            #expect(stub.count("/etcdserverpb.KV/Range") < 10)
        }
    }

    @Test(arguments: ["/micro/registry/greeter/a", "/micro/registry/other/a", "", "/"])
    func aListingThatDoesNotGoOnIsGivenUp(_ key: String) async throws {
        var script = StubEtcd.Script()
        script.range = { _, _ in
            var response = EtcdPBRangeResponse()
            response.header.revision = 1
            response.more = true
            var pair = EtcdPBKeyValue()
            pair.key = Data(key.utf8)
            response.kvs = [pair]
            return response
        }
        try await StubEtcd.run(script) { registry, stub in
            let error = await #expect(throws: MicroError.self) { try await registry.lookup("greeter") }
            #expect(error?.detail.contains("out of order") == true, "\(error?.detail ?? "")")
            #expect(stub.count("/etcdserverpb.KV/Range") <= 4)
        }
    }

    @Test func aClusterThatIsAnotherOneAtEveryAnswerIsAskedSeldom() async throws {
        var script = StubEtcd.Script()
        script.range = { _, number in
            var response = EtcdPBRangeResponse()
            (response.header.revision, response.header.clusterID) = (1, UInt64(number) * 2)
            return response
        }
        script.watch = { [Self.created(1, cluster: UInt64($0) * 2 + 1)] }
        let clock = ManualClock()
        try await StubEtcd.run(script, clock: clock) { registry, stub in
            let changes = registry.watch("greeter")
            var pauses: [Duration] = []
            for number in 1...8 {
                try await eventually("attempt \(number)") {
                    stub.count("/etcdserverpb.Watch/Watch") == number
                }
                pauses.append(await clock.advanceToNextDeadline())
            }
            #expect(pauses[0] < .milliseconds(100) && pauses[7] >= .milliseconds(1500), "\(pauses)")
            withExtendedLifetime(changes) {}
        }
    }

    @Test func theKeysOfAWatchAreBounded() async throws {
        let json = Fleet.record("a", address: "127.0.0.1:9001").json()
        var script = StubEtcd.Script()
        script.watch = { number in
            guard number == 0 else { return [Self.created(1)] }
            return [Self.created(1)]
                + (2...6 as ClosedRange<Int64>).map { revision -> EtcdPBWatchResponse in
                    var put = EtcdPBEvent()
                    put.kv.key = Data("/micro/registry/greeter/\(revision)".utf8)
                    put.kv.key += Data(repeating: UInt8(ascii: "x"), count: 15 << 20)
                    put.kv.value = Data(json)
                    put.kv.modRevision = revision
                    var response = EtcdPBWatchResponse()
                    response.header.revision = revision
                    response.events = [put]
                    return response
                }
        }
        try await StubEtcd.run(script) { registry, stub in
            let changes = registry.watch("greeter")
            try await eventually("it begins anew") { stub.count("/etcdserverpb.Watch/Watch") >= 2 }
            withExtendedLifetime(changes) {}
        }
    }

    @Test func aHugeKeyIsNotRemembered() {
        let unreadable = UnreadableKeys()
        let log = InMemoryLogHandler()
        withLogger(Logger(label: "test") { _ in log }) { _ in
            for number in 0..<3 {
                unreadable.report(String(repeating: "x", count: 1 << 20) + "\(number)", "It is none.")
            }
        }
        // They differ only behind what is shown and remembered of them.
        let keys = log.entries.compactMap { $0.metadata["key"] }.map { "\($0)" }
        #expect(keys.map { $0.count <= 210 } == [true])
    }

    @Test func revisionsThatAreAlwaysCompactedAreAskedForSeldom() async throws {
        var script = StubEtcd.Script()
        script.range = { request, number throws(MicroError) in
            if number > 0 {
                throw MicroError(
                    .outOfRange, "etcdserver: mvcc: required revision has been compacted", processed: .no)
            }
            return EtcdPBRangeResponse()
        }
        try await StubEtcd.run(script) { registry, stub in
            await #expect(throws: MicroError.self) { try await registry.lookup("greeter") }
            #expect(stub.count("/etcdserverpb.KV/Range") < 30)
        }
    }

    @Test(
        arguments: [
            "http://root:secret@127.0.0.1:2379", "root:secret@127.0.0.1", "https://root:se/secret@h:1",
            "http://root:se,secret@h:1",
        ])
    func passwordsInAddressesAreNotShown(_ address: String) throws {
        let context = PluginContext.context(["MICRO_REGISTRY_ADDRESS": address])
        let error = try #require(throws: StartError.self) { try EtcdRegistry().prepare(context) }
        #expect(!error.message.contains("cret") && !error.message.contains("root"), "\(error.message)")
        #expect(error.message.contains("MICRO_REGISTRY_PASSWORD"))
    }
}
