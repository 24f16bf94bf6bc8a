import Testing

@testable import Micro

@Suite(.timeLimit(.minutes(2))) struct LatencyCohortTests {
    private static let millisecond: Int64 = 1_000_000

    /// A full cohort, a member every millisecond.
    private func cohort() throws -> (LatencyCohort, [LatencyCohort.Ticket]) {
        var cohort = LatencyCohort(generation: 7, begin: 0)
        var tickets: [LatencyCohort.Ticket] = []
        for index in 0..<LatencyCohort.size {
            let ticket = cohort.add(at: Int64(index) * Self.millisecond, inFlight: 10)
            tickets.append(try #require(ticket))
        }
        return (cohort, tickets)
    }

    @Test func aFullOneTakesNoMore() throws {
        var (cohort, _) = try cohort()
        let next = cohort.add(at: 0, inFlight: 1)
        #expect(cohort.isFull && next == nil)
    }

    @Test func itHasTheGeometricMeanOfItsMembers() throws {
        var (cohort, tickets) = try cohort()
        for (index, ticket) in tickets.enumerated() {
            let time = Self.millisecond << (index.isMultiple(of: 2) ? 2 : 4)
            cohort.end(ticket, at: Int64(index) * Self.millisecond + time, .answered, usual: 0)
        }
        let summary = try #require(cohort.summary(at: 40 * Self.millisecond, patience: .max))
        // 4 ms and 16 ms
        #expect(abs(summary.latency - 22.93) < 0.01)
        #expect(abs(summary.error - 1 / 32.0.squareRoot()) < 0.001)
        #expect(summary.inFlight == 10 && summary.late == 0 && !summary.isCutShort)
    }

    @Test func itWaitsForTheSlow() throws {
        var (cohort, tickets) = try cohort()
        for ticket in tickets.prefix(LatencyCohort.quorum - 1) {
            cohort.end(ticket, at: 50 * Self.millisecond, .answered, usual: 0)
        }
        #expect(cohort.summary(at: 1000 * Self.millisecond, patience: 2000 * Self.millisecond) == nil)
        let summary = try #require(
            cohort.summary(at: 2000 * Self.millisecond, patience: 2000 * Self.millisecond))
        #expect(summary.isCutShort)
        cohort.end(tickets[31], at: 1000 * Self.millisecond, .answered, usual: 0)
        let whole = try #require(
            cohort.summary(at: 1000 * Self.millisecond, patience: 2000 * Self.millisecond))
        #expect(!whole.isCutShort && whole.latency < summary.latency)
    }

    @Test func failuresMakeRoomForOthers() throws {
        var (cohort, tickets) = try cohort()
        cohort.end(tickets[0], at: 1, .failed, usual: 0)
        #expect(!cohort.isFull)
        let next = cohort.add(at: 2, inFlight: 1)
        #expect(next != nil)
        for _ in 0..<200 {
            guard let ticket = cohort.add(at: 2, inFlight: 1) else { break }
            cohort.end(ticket, at: 3, .failed, usual: 0)
        }
        #expect(cohort.isFull)
        var failing = LatencyCohort(generation: 1, begin: 0)
        while let ticket = failing.add(at: 2, inFlight: 1) { failing.end(ticket, at: 3, .failed, usual: 0) }
        #expect(failing.isSpoilt && failing.summary(at: .max, patience: 0) == nil)
    }

    @Test("a call that was given up early tells nothing, and one that was given up late does")
    func givenUp() throws {
        var (cohort, tickets) = try cohort()
        cohort.end(tickets[0], at: 5 * Self.millisecond, .late, usual: 10e6)
        #expect(!cohort.isFull)
        let next = cohort.add(at: 32 * Self.millisecond, inFlight: 10)
        #expect(next != nil)
        for ticket in tickets.dropFirst() {
            cohort.end(ticket, at: 100 * Self.millisecond, .late, usual: 10e6)
        }
        let summary = try #require(cohort.summary(at: 100 * Self.millisecond, patience: .max))
        #expect(summary.late > 0.9)
    }

    @Test func strangersAndRepetitionsChangeNothing() throws {
        var (cohort, tickets) = try cohort()
        var other = LatencyCohort(generation: 8, begin: 0)
        let added = other.add(at: 0, inFlight: 1)
        let stranger = try #require(added)
        for _ in 0..<40 {
            cohort.end(stranger, at: 50 * Self.millisecond, .answered, usual: 0)
            cohort.end(tickets[0], at: 50 * Self.millisecond, .answered, usual: 0)
        }
        #expect(cohort.summary(at: 60 * Self.millisecond, patience: .max) == nil)
    }

    @Test func aClockThatWentBackHasMeasuredNothing() throws {
        var (cohort, tickets) = try cohort()
        for ticket in tickets.dropFirst() { cohort.end(ticket, at: -1, .answered, usual: 0) }
        #expect(!cohort.isFull)
    }
}
