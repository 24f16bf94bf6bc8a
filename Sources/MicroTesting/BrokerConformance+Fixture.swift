import MicroCore
import MicroTestSupport
import Synchronization

extension BrokerConformance {
    /// What a subscription of a check was given.
    final class Inbox: Sendable {
        private struct State {
            var events: [ReceivedEvent] = []
            var probes = 0
            var subscription: (any BrokerSubscription)?
        }

        let topic: String
        private let state = Mutex(State())

        init(topic: String) { self.topic = topic }

        var events: [ReceivedEvent] { state.withLock(\.events) }

        /// The bodies of the events as text.
        var texts: [String] { events.map(\.event.body.text) }

        /// How many of the suite's questions whether the subscription can be reached have come.
        var probes: Int { state.withLock(\.probes) }

        var dropped: Int { state.withLock(\.subscription)?.dropped ?? 0 }

        func open(_ subscription: any BrokerSubscription) {
            state.withLock { $0.subscription = subscription }
        }

        func cancel(within limit: Duration = .seconds(20)) async {
            await state.withLock(\.subscription)?.cancel(deadline: .now + limit)
        }

        func add(_ event: ReceivedEvent) { state.withLock { $0.events.append(event) } }

        func addProbe() { state.withLock { $0.probes += 1 } }
    }
}

extension BrokerConformance.Fixture {
    typealias Inbox = BrokerConformance.Inbox
    typealias Answer = @Sendable (ReceivedEvent) async -> Acknowledgement

    private static let probeField = "Conformance-Probe"

    func topic(_ name: String) -> String { "\(prefix).\(name)" }

    /// Runs a check while the brokers' background work runs; the check begins first, since calls wait.
    func whileRunning(_ check: @escaping @Sendable () async throws -> Void) async throws {
        let isOne = (publisher as AnyObject) === (subscriber as AnyObject)
        let brokers = isOne ? [publisher] : [publisher, subscriber]
        try await MicroTesting.whileRunning(brokers.map { broker in { try await broker.run() } }, check)
    }

    /// Opens a subscription that writes down what it is given, and then answers.
    func subscribe(
        _ options: SubscriptionOptions, on broker: (any Broker)? = nil,
        answer: @escaping Answer = { _ in .ack }
    ) async throws -> Inbox {
        let inbox = Inbox(topic: options.topic)
        let subscription = try await (broker ?? subscriber).subscribe(options) { received in
            if received.event.header[Self.probeField] != nil {
                inbox.addProbe()
                return .ack
            }
            inbox.add(received)
            return await answer(received)
        }
        inbox.open(subscription)
        return inbox
    }

    /// Publishes until each subscription has been reached: news of it may take a while to spread.
    ///
    /// - Returns: How many events it took.
    @discardableResult
    func reach(_ inboxes: Inbox...) async throws -> Int {
        var count = 0
        let end = ContinuousClock.now + suite.spreadTime
        while inboxes.contains(where: { $0.probes == 0 }) {
            guard ContinuousClock.now < end else {
                throw TestSupportError("a new subscription gets no events within \(suite.spreadTime)")
            }
            for topic in Set(inboxes.map(\.topic)) {
                try await publish("", to: topic, header: [Self.probeField: "1"])
                count += 1
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        return count
    }

    func publish(
        _ text: String, to topic: String, header: [String: String] = [:], on broker: (any Broker)? = nil
    ) async throws {
        let all = header.merging(["Content-Type": "text/plain", "Micro-Topic": topic]) { own, _ in own }
        let event = BrokerEvent(topic: topic, header: all, body: EncodedMessage(text: text))
        try await (broker ?? publisher).publish(event, to: topic)
    }

    /// Waits until a subscription has a number of events, and checks that it has no more.
    func expect(_ inbox: Inbox, count: Int, _ what: String) async throws {
        do {
            try await eventually(what, within: suite.spreadTime) { inbox.events.count >= count }
        } catch let error as TestSupportError {
            throw TestSupportError(
                "\(error.description); \(inbox.events.count) of \(count) events have arrived")
        }
        findings.expect(
            inbox.events.count == count, "\(what): \(inbox.events.count) events arrived, not \(count).")
    }

    /// Waits for what should not come, and checks that a subscription still has a number of events.
    func expectSilence(_ inbox: Inbox, count: Int, _ what: String) async throws {
        try await Task.sleep(for: suite.silence)
        findings.expect(
            inbox.events.count == count, "\(what): \(inbox.events.count) events arrived, not \(count).")
    }

    /// Checks that a function throws an error with a status.
    func expectError(_ status: RPCStatus, when what: String, _ body: () async throws -> Void) async {
        do {
            try await body()
            findings.expect(false, "\(what): there should be an error \(status), and there was none.")
        } catch let error as MicroError {
            findings.expect(
                error.status == status, "\(what): the error should be \(status), and was \(error).")
        } catch {
            findings.expect(false, "\(what): the error should be \(status), and was \(error).")
        }
    }
}
