import MicroCore
import MicroTestSupport

// Registering, looking up and listing.
extension RegistryConformance {
    static let phases: [(String, Check)] = [
        ("a lookup of an unknown service returns nothing", unknownService),
        ("a registered node is looked up as it was registered", roundTrip),
        ("a record that lacks something is refused", incompleteRecords),
        ("a node's address may be a name", namedAddress),
        ("a record may have several nodes", nodesAtOnce),
        ("nodes and versions are told apart", severalNodes),
        ("names with dots are told apart", dottedNames),
        ("a changed record replaces the old one", replacement),
        ("deregistering takes the node out by its key", deregistration),
        ("services are listed sorted, each once", listing),
        ("all functions may be called concurrently", concurrency),
        ("a cancelled call ends", cancelledCall),
        ("a node expires when it isn't renewed", expiry),
        ("a node stays while it is renewed", renewal),
        ("a watch begins with the present nodes", presentNodes),
        ("a watch tells changes, and repeats tell nothing", changes),
        ("a watch of all services tells all", watchingAll),
        ("a slow watcher gets the latest state, not every step", slowWatcher),
        ("a watch ends when its reader is cancelled", watchCancellation),
    ]

    private static func unknownService(_ fixture: Fixture) async throws {
        let records = try await fixture.reader.lookup(fixture.prefix + ".unknown")
        fixture.findings.expect(records.isEmpty, "A lookup of an unknown service returned \(records).")
        fixture.findings.expect(!fixture.writer.name.isEmpty, "The registry has no name.")
    }

    private static func incompleteRecords(_ fixture: Fixture) async throws {
        let complete = fixture.record("incomplete", node: "1")
        var (nameless, nodeless, idless) = (complete, complete, complete)
        nameless.name = ""
        nodeless.nodes = []
        idless.nodes[0].id = ""
        for (record, timeToLive) in [
            (nameless, nil), (nodeless, nil), (idless, nil), (complete, Duration.zero),
        ] {
            do {
                try await fixture.writer.register(record, timeToLive: timeToLive)
                fixture.findings.expect(
                    false, "\(record) was registered for \(timeToLive.map { "\($0)" } ?? "ever").")
            } catch let error as MicroError where error.status == .invalidArgument {}
        }
        try await fixture.expectLookup("incomplete", [])
    }

    private static func roundTrip(_ fixture: Fixture) async throws {
        let record = fixture.record("greeter", node: "a", endpoints: Fixture.sampleEndpoints)
        try await fixture.writer.register(record, timeToLive: nil)
        try await fixture.expectLookup("greeter", [record])
        try await fixture.writer.register(record, timeToLive: .seconds(60))
        try await fixture.expectLookup("greeter", [record])
        try await fixture.writer.deregister(record)
    }

    private static func namedAddress(_ fixture: Fixture) async throws {
        let record = fixture.record("greeter", node: "a", address: "_INBOX.orders-7")
        guard fixture.suite.holdsNamedAddresses else {
            do {
                try await fixture.writer.register(record, timeToLive: nil)
                fixture.findings.expect(false, "\(record) was registered, and its address is a name.")
            } catch let error as MicroError where error.status == .invalidArgument {}
            return
        }
        try await expectHeld(record, fixture)
    }

    private static func nodesAtOnce(_ fixture: Fixture) async throws {
        var record = fixture.record("greeter", node: "a")
        record.nodes += fixture.record("greeter", node: "b", address: "127.0.0.1:8082").nodes
        try await expectHeld(record, fixture)
    }

    /// Checks that a record is looked up as it was registered, until it is deregistered.
    private static func expectHeld(_ record: ServiceRecord, _ fixture: Fixture) async throws {
        try await fixture.writer.register(record, timeToLive: nil)
        try await fixture.expectLookup("greeter", [record])
        try await fixture.writer.deregister(record)
        try await fixture.expectLookup("greeter", [])
    }

    private static func severalNodes(_ fixture: Fixture) async throws {
        let first = fixture.record("greeter", node: "a")
        let second = fixture.record("greeter", node: "b", address: "[::1]:8082")
        let newer = fixture.record("greeter", version: "2.0.0", node: "a", address: "127.0.0.1:8083")
        for record in [first, second, newer] {
            try await fixture.writer.register(record, timeToLive: nil)
        }
        var merged = first
        merged.nodes += second.nodes
        try await fixture.expectLookup("greeter", [merged, newer])
        try await fixture.writer.deregister(first)
        try await fixture.expectLookup("greeter", [second, newer])
        for record in [second, newer] { try await fixture.writer.deregister(record) }
    }

    private static func dottedNames(_ fixture: Fixture) async throws {
        let short = fixture.record("a.b", node: "n.1")
        let long = fixture.record("a.b.c", node: "n.1", address: "127.0.0.1:8082")
        for record in [short, long] { try await fixture.writer.register(record, timeToLive: nil) }
        try await fixture.expectLookup("a.b", [short])
        try await fixture.expectLookup("a.b.c", [long])
        try await fixture.expectLookup("a", [])
        for record in [short, long] { try await fixture.writer.deregister(record) }
    }

    private static func replacement(_ fixture: Fixture) async throws {
        var record = fixture.record("greeter", node: "a")
        try await fixture.writer.register(record, timeToLive: nil)
        try await fixture.expectLookup("greeter", [record])
        record.nodes[0].address = "127.0.0.1:9999"
        record.nodes[0].metadata = ["protocol": "grpc", "zone": "b"]
        record.endpoints = Fixture.sampleEndpoints
        try await fixture.writer.register(record, timeToLive: nil)
        try await fixture.expectLookup("greeter", [record])
        try await fixture.writer.deregister(record)
    }

    private static func deregistration(_ fixture: Fixture) async throws {
        let record = fixture.record("greeter", node: "a")
        let other = fixture.record("greeter", node: "b", address: "127.0.0.1:8082")
        try await fixture.writer.deregister(record)
        for record in [record, other] { try await fixture.writer.register(record, timeToLive: nil) }
        var key = ServiceRecord(name: record.name, version: record.version)
        key.nodes = [Node(id: record.nodes[0].id, address: "")]
        try await fixture.writer.deregister(key)
        try await fixture.expectLookup("greeter", [other])
        try await fixture.writer.deregister(key)
        try await fixture.writer.deregister(other)
        try await fixture.expectLookup("greeter", [])
    }

    private static func listing(_ fixture: Fixture) async throws {
        let records = ["c", "a", "b"].map { fixture.record($0, node: "n") }
        let second = fixture.record("a", node: "m", address: "127.0.0.1:8082")
        for record in records + [second] { try await fixture.writer.register(record, timeToLive: nil) }
        let wanted = records.map(\.name).sorted()
        try await eventually("services() lists \(wanted)", within: fixture.suite.spreadTime) {
            let names = try await fixture.reader.services()
            fixture.findings.expect(names == names.sorted(), "services() is not sorted: \(names)")
            return names.filter { $0.hasPrefix(fixture.prefix) } == wanted
        }
        for record in records + [second] { try await fixture.writer.deregister(record) }
        try await eventually("services() lists no service without nodes", within: fixture.suite.spreadTime) {
            try await fixture.reader.services().allSatisfy { !$0.hasPrefix(fixture.prefix) }
        }
    }

    private static func concurrency(_ fixture: Fixture) async throws {
        let records = (0..<20).map {
            fixture.record("greeter", node: "n\($0)", address: "127.0.0.1:\(9000 + $0)")
        }
        try await withThrowingTaskGroup { group in
            for record in records {
                group.addTask {
                    try await fixture.writer.register(record, timeToLive: .seconds(60))
                    _ = try await fixture.reader.lookup(record.name)
                    _ = try await fixture.reader.services()
                    try await fixture.writer.register(record, timeToLive: .seconds(60))
                }
            }
            try await group.waitForAll()
        }
        var merged = records[0]
        merged.nodes = records.flatMap(\.nodes)
        try await fixture.expectLookup("greeter", [merged])
        try await withThrowingTaskGroup { group in
            for record in records { group.addTask { try await fixture.writer.deregister(record) } }
            try await group.waitForAll()
        }
        try await fixture.expectLookup("greeter", [])
    }

    private static func cancelledCall(_ fixture: Fixture) async throws {
        await withTaskGroup { group in
            group.addTask {
                // Cancelled or not, the outcome is the registry's to choose; that it ends is checked.
                _ = try? await fixture.reader.lookup(fixture.prefix + ".unknown")
                _ = try? await fixture.reader.services()
            }
            group.cancelAll()
        }
    }
}
