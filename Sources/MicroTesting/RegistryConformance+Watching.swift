import MicroCore
import MicroTestSupport

// Watching, and nodes that go by themselves.
extension RegistryConformance {
    static func expiry(_ fixture: Fixture) async throws {
        guard let timeToLive = fixture.suite.timeToLive else { return }
        let record = fixture.record("greeter", node: "a")
        var changes = fixture.reader.watch(record.name).makeAsyncIterator()
        try await fixture.expect(&changes, .synced)
        try await fixture.writer.register(record, timeToLive: timeToLive)
        try await fixture.expect(&changes, .up(record))
        if let clock = fixture.suite.clock {
            // A registry that has not begun to wait for the expiry would wait from the later time on.
            await clock.waitForSleepers()
            clock.advance(by: timeToLive)
        }
        try await fixture.expect(&changes, record.keys.map(RegistryChange.down)[0])
        try await fixture.expectLookup("greeter", [])
        // What has expired can come again.
        try await fixture.writer.register(record, timeToLive: nil)
        try await fixture.expect(&changes, .up(record))
        try await fixture.writer.deregister(record)
    }

    static func renewal(_ fixture: Fixture) async throws {
        guard let timeToLive = fixture.suite.timeToLive else { return }
        let record = fixture.record("greeter", node: "a")
        var wasPunctual = false
        for _ in 0..<5 where !wasPunctual {
            try await fixture.writer.register(record, timeToLive: timeToLive)
            var last = ContinuousClock.now
            var wasSeen = true
            wasPunctual = true
            for _ in 0..<12 {
                try await fixture.pass(timeToLive / 4)
                let records = try await fixture.reader.lookup(record.name)
                // A machine that was too busy to renew in time proves nothing; the next round may.
                if ContinuousClock.now - last > timeToLive * 0.8 { wasPunctual = false }
                wasSeen = wasSeen && !records.isEmpty
                try await fixture.writer.register(record, timeToLive: timeToLive)
                last = .now
            }
            fixture.findings.expect(wasSeen || !wasPunctual, "A node went although it was renewed in time.")
        }
        try await fixture.writer.deregister(record)
    }

    static func presentNodes(_ fixture: Fixture) async throws {
        let first = fixture.record("greeter", node: "a")
        let second = fixture.record("greeter", version: "2.0.0", node: "b", address: "127.0.0.1:8082")
        let stranger = fixture.record("stranger", node: "c", address: "127.0.0.1:8083")
        for record in [first, second, stranger] {
            try await fixture.writer.register(record, timeToLive: nil)
        }
        try await fixture.expectLookup("greeter", [first, second])
        var changes = fixture.reader.watch(first.name).makeAsyncIterator()
        var present: Set<RegistryChange> = []
        for _ in 0..<2 { present.insert(try await fixture.next(&changes)) }
        fixture.findings.expect(
            present == [.up(first), .up(second)],
            "A watch should begin with both nodes, and yielded \(present).")
        try await fixture.expect(&changes, .synced)
        for record in [first, second, stranger] { try await fixture.writer.deregister(record) }
        var gone: Set<RegistryChange> = []
        for _ in 0..<2 { gone.insert(try await fixture.next(&changes)) }
        fixture.findings.expect(
            gone == Set((first.keys + second.keys).map(RegistryChange.down)),
            "A watch should tell that both nodes went, and yielded \(gone).")
    }

    static func changes(_ fixture: Fixture) async throws {
        var record = fixture.record("greeter", node: "a")
        let stranger = fixture.record("stranger", node: "c", address: "127.0.0.1:8083")
        let last = fixture.record("greeter", node: "b", address: "127.0.0.1:8082")
        var changes = fixture.reader.watch(record.name).makeAsyncIterator()
        try await fixture.expect(&changes, .synced)
        try await fixture.writer.register(record, timeToLive: .seconds(60))
        try await fixture.expect(&changes, .up(record))
        // Neither a repeat nor another service is told: what comes next is the change.
        for _ in 0..<3 { try await fixture.writer.register(record, timeToLive: .seconds(60)) }
        try await fixture.writer.register(stranger, timeToLive: .seconds(60))
        record.nodes[0].metadata?["zone"] = "b"
        try await fixture.writer.register(record, timeToLive: .seconds(60))
        try await fixture.expect(&changes, .up(record))
        try await fixture.writer.register(last, timeToLive: .seconds(60))
        try await fixture.expect(&changes, .up(last))
        try await fixture.writer.deregister(record)
        try await fixture.expect(&changes, .down(record.keys[0]))
        try await fixture.writer.deregister(last)
        try await fixture.expect(&changes, .down(last.keys[0]))
        try await fixture.writer.deregister(stranger)
    }

    static func watchingAll(_ fixture: Fixture) async throws {
        let records = ["a", "b"].map { fixture.record($0, node: "n") }
        try await fixture.writer.register(records[0], timeToLive: nil)
        try await fixture.expectLookup("a", [records[0]])
        var changes = fixture.reader.watch(nil).makeAsyncIterator()
        try await fixture.expectOwn(&changes, .up(records[0]))
        try await fixture.writer.register(records[1], timeToLive: nil)
        try await fixture.expectOwn(&changes, .up(records[1]))
        for record in records {
            try await fixture.writer.deregister(record)
            try await fixture.expectOwn(&changes, .down(record.keys[0]))
        }
    }

    static func slowWatcher(_ fixture: Fixture) async throws {
        let count = fixture.suite.changesBehindASlowReader
        var records = ["a", "b", "c"].map { fixture.record("greeter", node: $0) }
        var changes = fixture.reader.watch(records[0].name).makeAsyncIterator()
        try await fixture.expect(&changes, .synced)
        for step in 0..<count {
            records[step % 3].nodes[0].metadata?["step"] = "\(step)"
            try await fixture.writer.register(records[step % 3], timeToLive: nil)
        }
        try await fixture.expectLookup("greeter", [ServiceRecord.merge(records)[0]])
        var latest: [NodeKey: ServiceRecord] = [:]
        var steps = 0
        let wanted = Dictionary(uniqueKeysWithValues: records.map { ($0.keys[0], $0) })
        while latest != wanted {
            if case .up(let record) = try await fixture.next(&changes) { latest[record.keys[0]] = record }
            steps += 1
        }
        fixture.findings.expect(
            steps <= 3 + 16 || steps <= count / 2,
            "A watcher that did not read got \(steps) of \(count) changes of 3 nodes.")
        for record in records { try await fixture.writer.deregister(record) }
    }

    static func watchCancellation(_ fixture: Fixture) async throws {
        let changes = fixture.reader.watch(fixture.prefix + ".nobody")
        await withTaskGroup { group in
            group.addTask {
                do {
                    for try await _ in changes {}
                } catch is CancellationError {
                    // As good an end as any.
                } catch {
                    fixture.findings.expect(false, "A cancelled watch threw \(error).")
                }
            }
            group.cancelAll()
        }
    }
}

extension RegistryConformance.Fixture {
    /// Returns the next change; throws if the watch has ended.
    func next(_ changes: inout RegistryChanges.Iterator) async throws -> RegistryChange {
        guard let change = try await changes.next() else {
            throw TestSupportError("the watch has ended although its reader was not cancelled")
        }
        return change
    }

    /// Reads the next change, which should be a certain one.
    func expect(_ changes: inout RegistryChanges.Iterator, _ wanted: RegistryChange) async throws {
        let change = try await next(&changes)
        findings.expect(change == wanted, "A watch should yield \(wanted), and yielded \(change).")
    }

    /// Reads up to the next change of a service of the phase, which should be a certain one.
    func expectOwn(_ changes: inout RegistryChanges.Iterator, _ wanted: RegistryChange) async throws {
        while true {
            let change = try await next(&changes)
            let service: String? =
                switch change {
                case .up(let record): record.name
                case .down(let key): key.service
                case .synced: nil
                }
            guard let service, service.hasPrefix(prefix) else { continue }
            return findings.expect(change == wanted, "A watch should yield \(wanted), and yielded \(change).")
        }
    }
}
