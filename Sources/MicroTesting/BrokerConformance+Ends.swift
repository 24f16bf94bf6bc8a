import MicroCore
import MicroPluginKit

// How subscriptions, calls and the broker itself end.
extension BrokerConformance {
    static let endPhases: [(String, Check)] = [
        ("cancelling a subscription lets its handler finish", drain),
        ("a handler that outlasts the deadline is cancelled", drainDeadline),
        ("a cancelled call ends", cancelledCall),
    ]

    /// The phases that run the brokers by themselves.
    static let lifetimePhases: [(String, Check)] = [
        ("calls before the broker runs wait for it", early),
        ("a broker that is cancelled ends, with open subscriptions and busy handlers", cancelledBroker),
    ]

    private static func drain(_ fixture: Fixture) async throws {
        let topic = fixture.topic("drain")
        let (entered, gate, finished) = (Latch(), Latch(), Latch())
        let inbox = try await fixture.subscribe(.init(topic: topic)) { _ in
            entered.open()
            try? await gate.waitUnlessCancelled()
            if !Task.isCancelled { finished.open() }
            return .ack
        }
        try await fixture.reach(inbox)
        try await withThrowingTaskGroup { group in
            group.addTask { try await fixture.publish("last", to: topic) }
            try await entered.waitUnlessCancelled()
            group.addTask {
                await inbox.cancel()
                fixture.findings.expect(
                    finished.isOpen, "cancel(deadline:) has returned before the handler had finished.")
            }
            try await Task.sleep(for: fixture.suite.silence)
            gate.open()
            try await group.waitForAll()
        }
        try? await fixture.publish("too late", to: topic)
        try await fixture.expectSilence(inbox, count: 1, "Nothing arrives once a subscription is cancelled")
        await inbox.cancel()
    }

    private static func drainDeadline(_ fixture: Fixture) async throws {
        let topic = fixture.topic("deadline")
        let (entered, cancelled) = (Latch(), Latch())
        let inbox = try await fixture.subscribe(.init(topic: topic)) { _ in
            entered.open()
            do {
                try await Latch().waitUnlessCancelled()
            } catch {
                cancelled.open()
            }
            return .nack()
        }
        try await fixture.reach(inbox)
        await withTaskGroup { group in
            // What publishing makes of a subscriber that leaves is the broker's to say.
            group.addTask { try? await fixture.publish("stuck", to: topic) }
            try? await entered.waitUnlessCancelled()
            await inbox.cancel(within: .milliseconds(50))
            fixture.findings.expect(
                cancelled.isOpen, "A handler was not cancelled when the deadline had passed.")
            group.cancelAll()
        }
    }

    private static func cancelledCall(_ fixture: Fixture) async throws {
        await withTaskGroup { group in
            // Cancelled or not, the outcome is the broker's to choose; that it ends is checked.
            group.addTask { try? await fixture.publish("x", to: fixture.topic("cancelled")) }
            group.addTask {
                let inbox = try? await fixture.subscribe(.init(topic: fixture.topic("cancelled")))
                await inbox?.cancel()
            }
            group.cancelAll()
        }
        // A publisher whose event nobody takes can be cancelled.
        let topic = fixture.topic("stuck")
        let entered = Latch()
        let inbox = try await fixture.subscribe(.init(topic: topic, bufferSize: 1)) { _ in
            entered.open()
            try? await Latch().waitUnlessCancelled()
            return .nack()
        }
        try await fixture.reach(inbox)
        try await withThrowingTaskGroup { group in
            group.addTask {
                while !Task.isCancelled { try? await fixture.publish("x", to: topic) }
            }
            try await entered.waitUnlessCancelled()
            group.cancelAll()
        }
        await inbox.cancel(within: .milliseconds(10))
    }

    private static func early(_ fixture: Fixture) async throws {
        let topic = fixture.topic("early")
        try await withThrowingTaskGroup { group in
            let isOpen = Latch()
            group.addTask {
                let inbox = try await fixture.subscribe(.init(topic: topic))
                isOpen.open()
                try await fixture.reach(inbox)
                await inbox.cancel()
            }
            group.addTask {
                try await fixture.publish("early", to: topic)
                try await isOpen.waitUnlessCancelled()
            }
            try await Task.sleep(for: fixture.suite.silence)
            try await fixture.whileRunning { try await isOpen.waitUnlessCancelled() }
            group.cancelAll()
            // The broker has stopped: what the subscriber still does may fail.
            while await group.nextResult() != nil {}
        }
    }

    private static func cancelledBroker(_ fixture: Fixture) async throws {
        let topic = fixture.topic("ended")
        let (entered, ended) = (Latch(), Latch())
        try await fixture.whileRunning {
            let inbox = try await fixture.subscribe(.init(topic: topic)) { _ in
                entered.open()
                do { try await Latch().waitUnlessCancelled() } catch { ended.open() }
                return .nack()
            }
            try await fixture.reach(inbox)
            await withTaskGroup { group in
                group.addTask { try? await fixture.publish("x", to: topic) }
                try? await entered.waitUnlessCancelled()
                group.cancelAll()
            }
        }
        fixture.findings.expect(ended.isOpen, "A handler still runs although its broker has ended.")
        await fixture.expectError(.unavailable, when: "Publishing with a broker that has ended") {
            try await fixture.publish("x", to: topic)
        }
    }
}
