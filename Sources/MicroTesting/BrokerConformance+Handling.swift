import MicroCore
import MicroPluginKit
import MicroTestSupport
import Synchronization

// How events are handled, and what becomes of them.
extension BrokerConformance {
    static let handlingPhases: [(String, Check)] = [
        ("with a concurrency of 1 events are handled in order, one at a time", order),
        ("the concurrency is reached, and not exceeded", concurrency),
        ("a full queue holds the publisher up, or drops the oldest and counts it", fullQueue),
        ("at most once: an event that is refused is dropped and counted", refusedOnce),
        ("at least once: an event that is refused comes again", redelivery),
        ("at least once: the first word of a handler counts", earlySettlement),
    ]

    private static func order(_ fixture: Fixture) async throws {
        let topic = fixture.topic("order")
        let handlers = HandlerCount()
        let inbox = try await fixture.subscribe(.init(topic: topic)) { _ in
            handlers.enter()
            await Task.yield()
            handlers.leave()
            return .ack
        }
        try await fixture.reach(inbox)
        let count = fixture.suite.eventCount
        for number in 0..<count { try await fixture.publish("\(number)", to: topic) }
        try await fixture.expect(inbox, count: count, "Events arrive in order")
        fixture.findings.expect(
            inbox.texts == (0..<count).map { "\($0)" },
            "\(count) events were handled in the order \(inbox.texts).")
        fixture.findings.expect(
            handlers.most == 1, "\(handlers.most) events were handled at once, and 1 was asked for.")
        await inbox.cancel()
    }

    private static func concurrency(_ fixture: Fixture) async throws {
        let topic = fixture.topic("concurrency")
        let limit = 3
        let handlers = HandlerCount()
        let isReached = Latch()
        let inbox = try await fixture.subscribe(.init(topic: topic, concurrency: limit)) { _ in
            if handlers.enter() == limit { isReached.open() }
            defer { handlers.leave() }
            do { try await isReached.waitUnlessCancelled() } catch { return .nack() }
            return .ack
        }
        try await fixture.reach(inbox)
        try await withThrowingTaskGroup { group in
            for number in 0..<20 {
                group.addTask { try await fixture.publish("\(number)", to: topic) }
            }
            try await group.waitForAll()
        }
        try await fixture.expect(inbox, count: 20, "Events that are handled at once arrive")
        fixture.findings.expect(
            handlers.most == limit, "\(handlers.most) events were handled at once, and not \(limit).")
        await inbox.cancel()
    }

    private static func fullQueue(_ fixture: Fixture) async throws {
        let topic = fixture.topic("full")
        let (count, gate) = (fixture.suite.eventCount, Latch())
        let inbox = try await fixture.subscribe(.init(topic: topic, bufferSize: 4)) { _ in
            do { try await gate.waitUnlessCancelled() } catch { return .nack() }
            return .ack
        }
        let probes = try await fixture.reach(inbox)
        let published = Counter()
        try await withThrowingTaskGroup { group in
            group.addTask {
                for number in 0..<count {
                    try await fixture.publish("\(number)", to: topic)
                    published.increment()
                }
            }
            var last = -1
            while last != published.value, published.value < count {
                last = published.value
                try await Task.sleep(for: fixture.suite.silence)
            }
            gate.open()
            try await group.waitForAll()
        }
        try await eventually(
            "every event is handled, or counted as dropped", within: fixture.suite.spreadTime
        ) {
            inbox.events.count + inbox.dropped >= count
        }
        let (arrived, dropped) = (inbox.events.count, inbox.dropped)
        fixture.findings.expect(
            arrived + dropped <= count + probes,
            "Of \(count) events \(arrived) were handled and \(dropped) counted as dropped.")
        let numbers = inbox.texts.compactMap { Int($0) }
        fixture.findings.expect(
            numbers == numbers.sorted(), "Behind a full queue the order is \(numbers).")
        fixture.findings.expect(
            numbers.last == count - 1, "Behind a full queue the newest event was dropped, not the oldest.")
        await inbox.cancel()
    }

    private static func refusedOnce(_ fixture: Fixture) async throws {
        guard fixture.subscriber.deliveries.contains(.atMostOnce) else { return }
        let topic = fixture.topic("refused")
        let inbox = try await fixture.subscribe(.init(topic: topic)) { received in
            received.event.body.text == "bad" ? .nack() : .ack
        }
        try await fixture.reach(inbox)
        let dropped = inbox.dropped
        try await fixture.publish("bad", to: topic)
        try await fixture.publish("good", to: topic)
        try await fixture.expect(inbox, count: 2, "An event follows one that was refused")
        try await eventually("a refused event is counted", within: fixture.suite.spreadTime) {
            inbox.dropped == dropped + 1
        }
        try await fixture.expectSilence(inbox, count: 2, "At most once")
        fixture.findings.expect(
            inbox.texts == ["bad", "good"], "A refused event and another arrived as \(inbox.texts).")
        await inbox.cancel()
    }

    private static func redelivery(_ fixture: Fixture) async throws {
        guard fixture.subscriber.deliveries.contains(.atLeastOnce) else { return }
        let topic = fixture.topic("again")
        let inbox = try await fixture.subscribe(.init(topic: topic, delivery: .atLeastOnce)) { received in
            switch (received.event.body.text, received.attempt) {
            case ("soon", 1): .nack()
            case ("later", 1): .nack(after: .milliseconds(100))
            default: .ack
            }
        }
        try await fixture.reach(inbox)
        for text in ["soon", "later"] {
            try await fixture.publish(text, to: topic)
            try await eventually("an event that was refused comes again", within: fixture.suite.spreadTime) {
                inbox.texts.filter { $0 == text }.count == 2
            }
        }
        try await fixture.expectSilence(inbox, count: 4, "An event that was accepted comes no more")
        fixture.findings.expect(
            inbox.events.map(\.attempt) == [1, 2, 1, 2],
            "Two events that came twice had the attempts \(inbox.events.map(\.attempt)).")
        fixture.findings.expect(
            inbox.dropped == 0, "An event that came again counts as dropped (\(inbox.dropped)).")
        await inbox.cancel()
    }

    private static func earlySettlement(_ fixture: Fixture) async throws {
        guard fixture.subscriber.deliveries.contains(.atLeastOnce) else { return }
        let topic = fixture.topic("settled")
        let inbox = try await fixture.subscribe(.init(topic: topic, delivery: .atLeastOnce)) { received in
            guard received.attempt == 1 else { return .ack }
            let isAccepted = received.event.body.text == "accepted"
            do {
                try await received.settle(isAccepted ? .ack : .nack())
                try await received.settle(isAccepted ? .nack() : .ack)
            } catch {
                fixture.findings.expect(false, "Settling an event threw \(error).")
            }
            return isAccepted ? .nack() : .ack
        }
        try await fixture.reach(inbox)
        try await fixture.publish("accepted", to: topic)
        try await fixture.expectSilence(inbox, count: 1, "An event that was accepted early")
        try await fixture.publish("refused", to: topic)
        try await fixture.expect(inbox, count: 3, "An event that was refused early comes again")
        try await fixture.expectSilence(inbox, count: 3, "An event that was accepted the second time")
        await inbox.cancel()
    }
}

/// How many handlers run at once.
private final class HandlerCount: Sendable {
    private let state = Mutex((now: 0, most: 0))

    /// The most that have run at once.
    var most: Int { state.withLock(\.most) }

    @discardableResult
    func enter() -> Int {
        state.withLock { state in
            state.now += 1
            state.most = max(state.most, state.now)
            return state.now
        }
    }

    func leave() { state.withLock { $0.now -= 1 } }
}
