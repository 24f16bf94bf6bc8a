import EtcdTestSupport
import InMemoryLogging
import Logging
import MicroCore
import MicroTestSupport
import MicroTesting
import MicroWire
import Testing

@testable import MicroRegistryEtcd

/// What stands in etcd, and how often it is written.
@Suite(.serialized, .timeLimit(.minutes(2))) struct NodesTests {
    private let record = Fleet.record("a", address: "127.0.0.1:9001")
    private let key = "/micro/registry/greeter/greeter-a"

    /// A value of a Go service's HTTP broker, as `etcdctl` showed it.
    private static let captured = """
        {"name":"micro.http.broker","version":"q1","metadata":null,"endpoints":null,"nodes":[{"id":\
        "go.micro.topic.hb-e567329d-2e9d-4aef-9d0f-a04b5b8002c4","address":"127.0.0.1:33257","metadata":\
        {"broker":"http","secure":"false","topic":"go.micro.topic.hb"}}]}
        """

    @Test func readsWhatGoMicroWrites() async throws {
        let server = try await EtcdServer.started()
        let registry = try makeRegistry(server)
        let id = "go.micro.topic.hb-e567329d-2e9d-4aef-9d0f-a04b5b8002c4"
        let key = "/micro/registry/micro.http.broker/\(id)"
        try await server.ctl(["put", key, Self.captured])
        try await withRunning(registry) {
            let found = try await registry.lookup("micro.http.broker")
            #expect(found.map(\.version) == ["q1"])
            #expect(found.first?.nodes.map(\.address) == ["127.0.0.1:33257"])
            #expect(found.first?.nodes.first?.metadata?["topic"] == "go.micro.topic.hb")
            #expect(try await registry.services() == ["micro.http.broker"])
            // Ours is the same to the last byte, at the same key.
            try await server.ctl(["del", key])
            try await registry.register(try #require(found.first), timeToLive: .seconds(60))
            #expect(try await server.ctl(["get", key]) == "\(key)\n\(Self.captured)\n")
        }
    }

    @Test func anUnchangedRepetitionWritesNothing() async throws {
        let server = try await EtcdServer.started()
        let clock = ManualClock()
        let registry = EtcdRegistry(configuration: Self.patient(server), clock: clock)
        try registry.prepare(.empty)
        try await withRunning(registry) {
            try await registry.register(record, timeToLive: .seconds(60))
            let revision = try await server.revision()
            for _ in 0..<15 {
                clock.advance(by: .seconds(6))
                try await registry.register(record, timeToLive: .seconds(60))
            }
            #expect(try await server.revision() == revision)
            #expect(try await server.ctl(["lease", "list"]).contains("found 1 leases"))
            // A second service of the process with the same time to live shares the lease.
            let other = Fleet.record("b", address: "127.0.0.1:9002")
            try await registry.register(other, timeToLive: .seconds(60))
            #expect(try await server.ctl(["lease", "list"]).contains("found 1 leases"))
        }
    }

    /// A time limit that no pause of these tests reaches.
    private static func patient(_ server: EtcdServer) -> EtcdRegistry.Configuration {
        EtcdRegistry.Configuration(addresses: [server.address], timeout: .seconds(60))
    }

    @Test func aNodeWhoseRegistrationIsNotRepeatedIsLetGo() async throws {
        let server = try await EtcdServer.started()
        let clock = ManualClock()
        let registry = EtcdRegistry(configuration: Self.patient(server), clock: clock)
        try registry.prepare(.empty)
        try await withRunning(registry) {
            let other = Fleet.record("b", address: "127.0.0.1:9002")
            for record in [record, other] { try await registry.register(record, timeToLive: .seconds(60)) }
            clock.advance(by: .seconds(59))
            try await registry.register(other, timeToLive: .seconds(60))
            #expect(try await server.keys().count == 2)
            clock.advance(by: .seconds(1))
            try await eventually("it is let go") {
                try await server.keys() == ["/micro/registry/greeter/greeter-b"]
            }
        }
    }

    @Test func aChangeIsWrittenOnce() async throws {
        let server = try await EtcdServer.started()
        let registry = try makeRegistry(server)
        try await withRunning(registry) {
            try await registry.register(record, timeToLive: .seconds(60))
            let revision = try await server.revision()
            var changed = record
            changed.endpoints = [EndpointRecord(name: "Greeter.Bye")]
            for _ in 0..<3 { try await registry.register(changed, timeToLive: .seconds(60)) }
            #expect(try await server.revision() == revision + 1)
            #expect(try await registry.lookup("greeter") == [changed])
        }
    }

    @Test func aDeletedKeyIsPutBackByTheNextRepetition() async throws {
        let server = try await EtcdServer.started()
        let registry = try makeRegistry(server)
        try await withRunning(registry) {
            try await registry.register(record, timeToLive: .seconds(60))
            try await server.ctl(["del", key])
            try await registry.register(record, timeToLive: .seconds(60))
            #expect(try await server.keys() == [key])
            // The same if somebody else has written there, or revoked the lease.
            try await server.ctl(["put", key, "{}"])
            try await registry.register(record, timeToLive: .seconds(60))
            #expect(try await registry.lookup("greeter") == [record])
            let lease = try await server.ctl(["lease", "list"]).split(separator: "\n").last.map(String.init)
            try await server.ctl(["lease", "revoke", try #require(lease)])
            try await registry.register(record, timeToLive: .seconds(60))
            #expect(try await server.keys() == [key])
        }
    }

    @Test func versionsOfOneNodeStandApart() async throws {
        let server = try await EtcdServer.started()
        let registry = try makeRegistry(server)
        let newer = Fleet.record("a", version: "2.0.0", address: "127.0.0.1:9002")
        try await withRunning(registry) {
            for record in [record, newer] { try await registry.register(record, timeToLive: .seconds(60)) }
            #expect(try await server.keys() == [key, key + "@2.0.0"])
            try await registry.deregister(record)
            #expect(try await registry.lookup("greeter") == [newer])
            try await registry.deregister(newer)
            #expect(try await server.keys() == [])
        }
    }

    @Test func takesOutWhatAnotherProcessLeft() async throws {
        let server = try await EtcdServer.started()
        let registry = try makeRegistry(server)
        try await server.ctl(["put", key, String(decoding: record.json(), as: UTF8.self)])
        try await withRunning(registry) {
            var other = record
            other.version = "9.9.9"
            try await registry.deregister(other)
            #expect(try await server.keys() == [key])
            try await registry.deregister(record)
            #expect(try await server.keys() == [])
        }
    }

    @Test func passesOverTheValuesOfOthersWithOneLine() async throws {
        let server = try await EtcdServer.started()
        let registry = try makeRegistry(server)
        let log = InMemoryLogHandler()
        let logger = Logger(label: "test") { _ in log }
        try await withLogger(logger) { _ in
            try await withRunning(registry) {
                try await registry.register(record, timeToLive: .seconds(60))
                let bad = ["not JSON", "{}", "[1,2]", #"{"name":"greeter","nodes":null}"#, #"{"name":5}"#]
                for (number, value) in bad.enumerated() {
                    try await server.ctl(["put", "/micro/registry/greeter/x\(number)", value])
                }
                let changes = registry.watch("greeter").makeAsyncIterator()
                #expect(try await changes.next() == .up(record))
                #expect(try await changes.next() == .synced)
                for _ in 0..<2 {
                    #expect(try await registry.lookup("greeter") == [record])
                    #expect(try await registry.services() == ["greeter"])
                    try await server.ctl(["put", "/micro/registry/greeter/x0", "still not JSON"])
                }
                // A key that turns into a record is taken, and one that turns bad is dropped.
                let other = Fleet.record("b", address: "127.0.0.1:9002")
                let value = String(decoding: other.json(), as: UTF8.self)
                try await server.ctl(["put", "/micro/registry/greeter/x0", value])
                #expect(try await changes.next() == .up(other))
                try await server.ctl(["put", "/micro/registry/greeter/x0", "bad again"])
                #expect(try await changes.next() == .down(other.keys[0]))
                let lines = log.entries.filter { $0.level == .warning }.compactMap { $0.metadata["key"] }
                #expect(lines.map { "\($0)" }.sorted() == (0..<5).map { "/micro/registry/greeter/x\($0)" })
            }
        }
    }

    @Test func tellsAllEventsOfOneTransaction() async throws {
        let server = try await EtcdServer.started()
        let registry = try makeRegistry(server)
        try await withRunning(registry) {
            let changes = registry.watch(nil).makeAsyncIterator()
            #expect(try await changes.next() == .synced)
            let records = (0..<3).map { Fleet.record("n\($0)", address: "127.0.0.1:900\($0)") }
            let puts = records.map { record in
                let value = String(decoding: record.json(), as: UTF8.self).replacing("\"", with: "\\\"")
                return "put /micro/registry/greeter/\(record.nodes[0].id) \"\(value)\""
            }
            try await server.ctl(["txn"], input: "\n\(puts.joined(separator: "\n"))\n\n\n")
            for record in records { #expect(try await changes.next() == .up(record)) }
        }
    }

    @Test func listsMoreThanOnePageAndMoreThanOneAnswerHolds() async throws {
        let server = try await EtcdServer.started()
        // Some megabytes on a busy machine.
        let configuration = EtcdRegistry.Configuration(addresses: [server.address], timeout: .seconds(30))
        let writer = EtcdRegistry(configuration: configuration)
        let reader = EtcdRegistry(configuration: configuration)
        try await withRunning(writer, reader) {
            try await withThrowingTaskGroup { group in
                for number in 0..<530 {
                    var record = Fleet.record("\(number)", address: "127.0.0.1:9001")
                    // Some are so long that a page of them is more than is read at once.
                    if (100..<113).contains(number) {
                        record.nodes[0].metadata?["long"] = String(repeating: "x", count: 1_300_000)
                    }
                    group.addTask { [record] in try await writer.register(record, timeToLive: .seconds(60)) }
                }
                try await group.waitForAll()
            }
            let found = try await reader.lookup("greeter")
            #expect(found.first?.nodes.count == 530)
            var count = 0
            for try await change in reader.watch("greeter") {
                if change == .synced { break }
                count += 1
            }
            #expect(count == 530)
        }
    }

    @Test func refusesWhatEtcdCannotHold() async throws {
        let server = try await EtcdServer.started()
        let registry = try makeRegistry(server)
        try await withRunning(registry) {
            var long = record
            long.nodes[0].metadata?["long"] = String(repeating: "x", count: 2_000_000)
            for bad in [long, ServiceRecord(name: "greeter"), ServiceRecord(name: "", nodes: record.nodes)] {
                let error = try await #require(throws: MicroError.self) {
                    try await registry.register(bad, timeToLive: nil)
                }
                #expect(error.status == .invalidArgument)
            }
            #expect(try await server.keys() == [])
        }
    }
}
