import MicroCore
import Testing

@testable import Micro

/// The budget in virtual time.
@Suite(.timeLimit(.minutes(2))) struct RetryBudgetTests {
    /// A client that makes calls at a steady rate and wants to retry each one that fails.
    private struct Client {
        let budget: RetryBudget
        var now = Uptime(nanoseconds: 1_000_000_000)
        var calls: UInt64 = 0
        var retries = 0

        init(_ limits: RetryBudget.Limits = RetryBudget.Limits()) {
            budget = RetryBudget(limits, now: now)
        }

        /// Makes the calls of a while.
        mutating func run(seconds: Double, perSecond rate: Double, failing: Bool) {
            for _ in 0..<Int(seconds * rate) {
                now.nanoseconds += Int64(1e9 / rate)
                calls += 1
                guard failing else { continue }
                let made = calls
                if budget.withdraw(now: now, service: "s", calls: { made }) { retries += 1 }
            }
        }
    }

    @Test(arguments: [20.0, 50, 1000]) func oneHundredClientsStayBelowOneFifthMoreThanIsOffered(rate: Double)
    {
        var (calls, retries) = (0.0, 0)
        for _ in 0..<100 {
            var client = Client()
            client.run(seconds: 60, perSecond: rate, failing: false)
            client.run(seconds: 30, perSecond: rate, failing: true)
            calls += 30 * rate
            retries += client.retries
        }
        #expect(Double(retries) < 0.2 * calls && Double(retries) > 0.1 * calls, "\(retries) of \(calls)")
    }

    @Test func aFewFailuresAreAllRetried() {
        var client = Client()
        for _ in 0..<100 {
            client.run(seconds: 0.95, perSecond: 20, failing: false)
            client.run(seconds: 0.05, perSecond: 20, failing: true)
        }
        #expect(client.retries == 100)
    }

    @Test func whoRarelyCallsMayRetryOnceASecond() {
        var client = Client()
        client.run(seconds: 100, perSecond: 0.5, failing: true)
        #expect(client.retries == 50)
    }

    @Test func clocksThatJumpGiveNoMoreThanAWindow() {
        var client = Client()
        client.now.nanoseconds = .max - 1_000_000_000
        client.run(seconds: 0.5, perSecond: 100, failing: true)
        client.now.nanoseconds = 1
        client.run(seconds: 1, perSecond: 100, failing: true)
        #expect(client.retries < 30)
    }

    @Test func gRPCsThrottlingBeginsWithHalfOfItsTokens() {
        var client = Client(RetryBudget.Limits(part: 0.1, perSecond: 0, initial: 5))
        client.run(seconds: 0.1, perSecond: 1000, failing: true)
        #expect((5...16).contains(client.retries), "\(client.retries)")
    }
}
