import Testing

@testable import Micro

@Suite(.timeLimit(.minutes(2))) struct RateTests {
    private static let second: Int64 = 1_000_000_000

    @Test(arguments: [CallRate.perSecond(10), .perSecond(1000, burst: 1), .perSecond(0.5, burst: 3)])
    func aBucketLetsInItsBurstAndThenItsRate(rate: CallRate) {
        let bucket = TokenBucket(rate)
        var taken = 0
        while bucket.take(at: 0) == nil { taken += 1 }
        #expect(taken == rate.burst)
        taken = 0
        // Ten tries for each call that there may be, over a hundred calls.
        let step = Int64(1e8 / rate.perSecond)
        for number in 1...1000 where bucket.take(at: Int64(number) * step) == nil { taken += 1 }
        #expect((99...101).contains(taken))
    }

    @Test func whoIsRefusedLearnsWhenThereIsAToken() throws {
        let bucket = TokenBucket(.perSecond(2, burst: 1))
        #expect(bucket.take(at: 0) == nil)
        let wait = try #require(bucket.take(at: Self.second / 10))
        #expect(wait == 4 * Self.second / 10)
        #expect(bucket.take(at: Self.second / 10 + wait) == nil)
    }

    @Test("a clock that jumps costs one burst at most", arguments: [-3600, 3600] as [Int64])
    func clockJump(_ seconds: Int64) {
        let bucket = TokenBucket(.perSecond(10, burst: 5))
        let start = 10_000 * Self.second
        while bucket.take(at: start) == nil {}
        let now = start + seconds * Self.second
        while bucket.take(at: now) == nil {}
        #expect(bucket.take(at: now + Self.second / 10) == nil)
    }

    @Test func callersHaveBucketsOfTheirOwn() {
        let buckets = CallerBuckets(.perSecond(1, burst: 2))
        for caller in ["a", "b", ""] {
            #expect(buckets.take(caller, at: 0) == nil && buckets.take(caller, at: 0) == nil)
            #expect(buckets.take(caller, at: 0) != nil)
        }
    }

    @Test("a caller who invents names gets no more than one share beyond the table")
    func inventedNames() {
        let buckets = CallerBuckets(.perSecond(1, burst: 2))
        var admitted = 0
        for number in 0..<100_000 where buckets.take("caller-\(number)", at: 0) == nil { admitted += 1 }
        #expect(admitted == CallerBuckets.capacity + 2)
        #expect(buckets.count == CallerBuckets.capacity)
        // Those who have been quiet give their places back.
        #expect(buckets.take("new", at: 10 * Self.second) == nil)
        #expect(buckets.count == 1)
    }

    @Test func longNamesCountByTheirBeginnings() {
        let buckets = CallerBuckets(.perSecond(1, burst: 1))
        let name = String(repeating: "x", count: 1000)
        #expect(buckets.take(name + "1", at: 0) == nil)
        #expect(buckets.take(name + "2", at: 0) != nil)
    }

    @Test(arguments: [
        ("100", CallRate.perSecond(100, burst: 100)), ("100/20", .perSecond(100, burst: 20)),
        ("0.5", .perSecond(0.5, burst: 1)),
    ])
    func ratesAreRead(text: String, rate: CallRate) { #expect(CallRate(text) == rate) }

    @Test(arguments: [
        "", "0", "-1", "nan", "inf", "1e99", "5/0", "5/", "/5", "5/5/5", "5/1e3", "many", "0.0001",
    ])
    func nonsenseIsNoRate(text: String) { #expect(CallRate(text) == nil) }
}
