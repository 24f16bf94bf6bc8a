import MicroCore
import MicroTestSupport

// What arrives, and where.
extension BrokerConformance {
    static let receivingPhases: [(String, Check)] = [
        ("the broker says what it is", identity),
        ("each subscription of a topic gets each event once", eachOnce),
        ("of the subscriptions with one queue, one gets each event", queues),
        ("header and body arrive as they were sent", exactContents),
        ("large events arrive", largeEvents),
        ("topics are told apart", topics),
        ("an event without subscribers is no error", noSubscribers),
        ("names that can't be used are refused", invalidNames),
        ("a delivery that isn't offered is refused", notOffered),
        ("all functions may be called concurrently", concurrentUse),
    ]

    private static func identity(_ fixture: Fixture) async throws {
        fixture.findings.expect(!fixture.publisher.name.isEmpty, "The broker has no name.")
        fixture.findings.expect(!fixture.publisher.deliveries.isEmpty, "The broker offers no delivery.")
    }

    private static func eachOnce(_ fixture: Fixture) async throws {
        let topic = fixture.topic("once")
        // Two of one broker, which must not share their events, and one of the publisher's own.
        let inboxes = [
            try await fixture.subscribe(.init(topic: topic)),
            try await fixture.subscribe(.init(topic: topic)),
            try await fixture.subscribe(.init(topic: topic), on: fixture.publisher),
        ]
        try await fixture.reach(inboxes[0], inboxes[1], inboxes[2])
        for number in 0..<20 { try await fixture.publish("\(number)", to: topic) }
        let wanted = (0..<20).map { "\($0)" }
        for inbox in inboxes {
            try await fixture.expect(inbox, count: 20, "Each subscription gets each event once")
        }
        try await Task.sleep(for: fixture.suite.silence)
        for inbox in inboxes {
            fixture.findings.expect(
                inbox.texts == wanted, "A subscription of three got \(inbox.texts), not 0 to 19 in order.")
            fixture.findings.expect(
                inbox.events.allSatisfy { $0.attempt == 1 }, "A first delivery has another attempt than 1.")
            await inbox.cancel()
        }
    }

    private static func queues(_ fixture: Fixture) async throws {
        let topic = fixture.topic("queues")
        let first = try await fixture.subscribe(.init(topic: topic, queue: "a"))
        let second = try await fixture.subscribe(.init(topic: topic, queue: "a"), on: fixture.publisher)
        let other = try await fixture.subscribe(.init(topic: topic, queue: "b"))
        let all = try await fixture.subscribe(.init(topic: topic))
        try await fixture.reach(first, second, other, all)
        for number in 0..<40 { try await fixture.publish("\(number)", to: topic) }
        try await eventually("a queue gets all events", within: fixture.suite.spreadTime) {
            first.events.count + second.events.count >= 40
        }
        try await fixture.expect(other, count: 40, "Another queue gets all events")
        try await fixture.expect(all, count: 40, "A subscription beside queues gets all events")
        try await Task.sleep(for: fixture.suite.silence)
        let wanted = (0..<40).map { "\($0)" }
        let shared = (first.texts + second.texts).sorted { (Int($0) ?? 0) < (Int($1) ?? 0) }
        fixture.findings.expect(
            shared == wanted,
            "Two subscriptions of one queue got \(first.texts) and \(second.texts) of the events 0 to 39.")
        fixture.findings.expect(
            other.texts == wanted && all.texts == wanted,
            "Beside a queue of two, another queue got \(other.texts), and one without got \(all.texts).")
        for inbox in [first, second, other, all] { await inbox.cancel() }
    }

    private static func exactContents(_ fixture: Fixture) async throws {
        let topic = fixture.topic("contents")
        let inbox = try await fixture.subscribe(.init(topic: topic))
        try await fixture.reach(inbox)
        let header = [
            "Content-Type": "application/octet-stream", "Micro-Topic": topic, "Micro-Id": "4711",
            "X-Text": "\"quoted\" <&> ünïcode \u{2028} \\ /", "X-Empty": "",
        ]
        let bodies: [[UInt8]] = [[], Array(UInt8.min ... .max), [0], Array("{\"a\":1}".utf8)]
        for body in bodies {
            try await fixture.publisher.publish(
                BrokerEvent(topic: topic, header: header, body: EncodedMessage(body)), to: topic)
        }
        try await fixture.expect(inbox, count: bodies.count, "Events of all kinds arrive")
        for (received, body) in zip(inbox.events, bodies) {
            let event = received.event
            fixture.findings.expect(event.topic == topic, "The topic \(topic) arrived as \(event.topic).")
            fixture.findings.expect(
                event.header == header, "The header \(header) arrived as \(event.header).")
            fixture.findings.expect(
                event.body.bytes == body, "A body of \(body.count) bytes arrived as \(event.body.bytes).")
        }
        await inbox.cancel()
    }

    private static func largeEvents(_ fixture: Fixture) async throws {
        let topic = fixture.topic("large")
        let inbox = try await fixture.subscribe(.init(topic: topic))
        try await fixture.reach(inbox)
        let body = EncodedMessage(size: fixture.suite.largeEventSize, seed: 7)
        for _ in 0..<3 {
            try await fixture.publisher.publish(BrokerEvent(topic: topic, body: body), to: topic)
        }
        try await fixture.expect(inbox, count: 3, "Large events arrive")
        fixture.findings.expect(
            inbox.events.allSatisfy { $0.event.body == body }, "A large event arrived with other bytes.")
        await inbox.cancel()
    }

    private static func topics(_ fixture: Fixture) async throws {
        let names = ["a", "a.b", "a.b.c", "A"].map(fixture.topic)
        var inboxes: [Inbox] = []
        for name in names { inboxes.append(try await fixture.subscribe(.init(topic: name))) }
        for inbox in inboxes { try await fixture.reach(inbox) }
        for name in names { try await fixture.publish(name, to: name) }
        for inbox in inboxes { try await fixture.expect(inbox, count: 1, "A topic's event arrives") }
        for inbox in inboxes {
            try await fixture.expectSilence(inbox, count: 1, "A topic gets its own events only")
            fixture.findings.expect(
                inbox.texts == [inbox.topic], "The topic \(inbox.topic) got the events of \(inbox.texts).")
            await inbox.cancel()
        }
    }

    private static func noSubscribers(_ fixture: Fixture) async throws {
        try await fixture.publish("nobody", to: fixture.topic("nobody"))
        let topic = fixture.topic("gone")
        let inbox = try await fixture.subscribe(.init(topic: topic))
        try await fixture.reach(inbox)
        await inbox.cancel()
        try await fixture.publish("too late", to: topic)
        try await fixture.expectSilence(inbox, count: 0, "A cancelled subscription gets nothing")
    }

    private static func invalidNames(_ fixture: Fixture) async throws {
        for name in ["", "two words", "line\r\nbreak", "tab\tbed", "nul\u{0}"] {
            await fixture.expectError(.invalidArgument, when: "Publishing to \(name.debugDescription)") {
                try await fixture.publish("x", to: name)
            }
            await fixture.expectError(.invalidArgument, when: "Subscribing to \(name.debugDescription)") {
                _ = try await fixture.subscribe(.init(topic: name))
            }
        }
        // Nothing else is lost by it.
        let inbox = try await fixture.subscribe(.init(topic: fixture.topic("good")))
        try await fixture.reach(inbox)
        await inbox.cancel()
    }

    private static func notOffered(_ fixture: Fixture) async throws {
        for delivery in [Delivery.atMostOnce, .atLeastOnce]
        where !fixture.subscriber.deliveries.contains(delivery) {
            do {
                _ = try await fixture.subscribe(
                    .init(topic: fixture.topic("delivery"), delivery: delivery))
                fixture.findings.expect(false, "The delivery \(delivery) isn't offered, and was accepted.")
            } catch {
                fixture.findings.expect(
                    error is StartError,
                    "Asking for \(delivery), which isn't offered, should throw a StartError, and threw \(error)."
                )
            }
        }
    }

    private static func concurrentUse(_ fixture: Fixture) async throws {
        let count = fixture.suite.eventCount / 10
        try await withThrowingTaskGroup { group in
            for number in 0..<10 {
                group.addTask {
                    let topic = fixture.topic("concurrent.\(number)")
                    let inbox = try await fixture.subscribe(
                        .init(topic: topic), on: number.isMultiple(of: 2) ? fixture.publisher : nil)
                    try await fixture.reach(inbox)
                    for event in 0..<count { try await fixture.publish("\(event)", to: topic) }
                    try await fixture.expect(inbox, count: count, "Each of ten topics gets its events")
                    fixture.findings.expect(
                        inbox.texts == (0..<count).map { "\($0)" }, "Ten topics at once mixed their events.")
                    await inbox.cancel()
                }
            }
            try await group.waitForAll()
        }
    }
}
