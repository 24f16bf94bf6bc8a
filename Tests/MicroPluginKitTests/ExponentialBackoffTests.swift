import MicroPluginKit
import Testing

@Suite(.timeLimit(.minutes(2))) struct ExponentialBackoffTests {
    @Test func delaysGrowUpToABound() {
        var backoff = ExponentialBackoff(first: .milliseconds(100), longest: .seconds(1))
        let taken = (0..<100).map { _ in backoff.next() }
        #expect(taken[0] <= .milliseconds(125) && taken.allSatisfy { $0 <= .milliseconds(1250) })
        #expect(taken[99] >= .milliseconds(750))
        #expect(backoff.attempts == 100)
        backoff.reset()
        #expect(backoff.next() <= .milliseconds(125))
    }

    @Test func withoutChanceEachDelayIsTwiceTheOneBefore() {
        let backoff = ExponentialBackoff(first: .milliseconds(50), longest: .seconds(1), jitter: 1...1)
        #expect(
            (0..<6).map { backoff.delay(attempt: $0) }
                == [50, 100, 200, 400, 800, 1000].map { .milliseconds($0) })
        #expect(
            backoff.delay(attempt: .max) == .seconds(1) && backoff.delay(attempt: .min) == .milliseconds(50))
    }
}
