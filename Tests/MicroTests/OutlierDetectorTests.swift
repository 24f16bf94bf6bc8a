import MicroCore
import MicroTesting
import Testing

@testable import Micro

/// When a node is ejected, and when not, without a client around.
@Suite("Outlier ejection", .timeLimit(.minutes(2)))
struct OutlierDetectorTests {
    private let clock = ManualClock()

    private struct Fixture {
        let detector: OutlierDetector
        let members: [OutlierDetector.Member]

        var fleet: OutlierDetector.Fleet {
            OutlierDetector.Fleet(all: members, calledCount: calledCount ?? members.count)
        }

        /// How many of the nodes are called; all if `nil`.
        var calledCount: Int?

        var ejected: [String] { members.filter { $0.health.isEjected }.map(\.node.id) }

        func fail(_ position: Int, _ count: Int = 1) {
            for _ in 0..<count {
                let inARow = members[position].health.outcomes?.failed() ?? 0
                detector.failedInARow(inARow, members[position], among: fleet)
            }
        }

        func succeed(_ position: Int, _ count: Int = 1, milliseconds: Int64? = nil) {
            for _ in 0..<count {
                members[position].health.outcomes?.succeeded()
                if let milliseconds { members[position].health.outcomes?.took(milliseconds * 1_000_000) }
            }
        }

        func endInterval() { detector.endInterval(of: fleet) }
    }

    private func fixture(
        _ count: Int, _ change: (inout OutlierSettings) -> Void = { _ in }
    ) -> Fixture {
        var settings = OutlierSettings()
        change(&settings)
        let detector = OutlierDetector(service: "greeter", settings: settings, time: TimeSource(clock))
        return Fixture(
            detector: detector,
            members: (0..<count).map { number in
                OutlierDetector.Member(
                    node: Node(id: "n\(number)", address: "10.0.0.1:1"), health: NodeHealth(detector))
            })
    }

    @Test("five failures in a row eject a node, four and a success between don't")
    func consecutive() {
        let fixture = fixture(10)
        fixture.fail(0, 4)
        fixture.succeed(0)
        fixture.fail(0, 4)
        #expect(fixture.ejected.isEmpty)
        fixture.fail(0)
        #expect(fixture.ejected == ["n0"] && fixture.members[0].health.isDown)
    }

    @Test(
        "a tenth of the nodes is ejected at most, but at least one, and never the last",
        arguments: [(1, 0), (2, 1), (5, 1), (20, 2), (39, 3)])
    func share(_ nodes: Int, _ limit: Int) {
        let fixture = fixture(nodes)
        for _ in 0..<3 { for position in 0..<nodes { fixture.fail(position, 10) } }
        #expect(fixture.ejected.count == limit)
    }

    @Test("of a subset no more are ejected than of a service of that size")
    func subset() {
        var fixture = fixture(40)
        fixture.calledCount = 5
        for position in 0..<40 { fixture.fail(position, 10) }
        #expect(fixture.ejected == ["n0"])
    }

    @Test("a node that goes on failing is looked at again now and then, however long that lasts")
    func later() {
        let fixture = fixture(2) { $0.consecutive = 4 }
        fixture.fail(0, 4)
        fixture.fail(1, 70_000)
        #expect(fixture.ejected == ["n0"])
        fixture.detector.probed(fixture.members[0], isHealthy: true)
        fixture.fail(1)
        #expect(fixture.ejected == ["n1"])
    }

    @Test("no node is ejected while the others can't be connected to")
    func lastReachable() {
        let fixture = fixture(5)
        for position in 1..<5 { fixture.members[position].health.connectFailed(now: .now) }
        fixture.fail(0, 10)
        #expect(fixture.ejected.isEmpty)
        fixture.members[3].health.connected()
        fixture.fail(0, 5)
        #expect(fixture.ejected == ["n0"])
    }

    @Test("a node most of whose calls fail is ejected once there are enough calls to compare")
    func percentage() {
        let fixture = fixture(10) { $0.consecutive = .max }
        func interval(_ failures: Int, of calls: Int, busy: Int) {
            for position in 0..<busy { fixture.succeed(position, 50) }
            fixture.succeed(9, calls - failures)
            fixture.fail(9, failures)
            fixture.endInterval()
        }
        interval(90, of: 100, busy: 3)
        interval(40, of: 40, busy: 9)
        interval(80, of: 100, busy: 9)
        #expect(fixture.ejected.isEmpty)
        interval(86, of: 100, busy: 9)
        #expect(fixture.ejected == ["n9"])
    }

    @Test("a node that is many times slower than the others is ejected, unless all is fast")
    func latency() {
        let fixture = fixture(10)
        func interval(_ usual: Int64, _ slow: Int64, calls: Int = 20) {
            for position in 0..<9 { fixture.succeed(position, 20, milliseconds: usual) }
            fixture.succeed(9, calls, milliseconds: slow)
            fixture.endInterval()
        }
        interval(1, 20)
        interval(100, 300)
        interval(10, 100, calls: 9)
        #expect(fixture.ejected.isEmpty)
        // One call that took very long is no slow node.
        fixture.succeed(9, 1, milliseconds: 100_000)
        interval(10, 10)
        #expect(fixture.ejected.isEmpty)
        interval(10, 100)
        #expect(fixture.ejected == ["n9"])
    }

    @Test("ejections get longer, up to a limit, and shorter again for a node that behaves")
    func lengths() {
        let fixture = fixture(10)
        let health = fixture.members[0].health
        func length() -> Int64 {
            // Found by trying when the node may be probed, in steps of a second.
            for second in 0..<1000 where health.claimProbe(now: at(Int64(second))) { return Int64(second) }
            return -1
        }
        let start = TimeSource(clock).uptime
        func at(_ second: Int64) -> Uptime {
            Uptime(nanoseconds: start.nanoseconds + second * 1_000_000_000)
        }
        var lengths: [Int64] = []
        for _ in 0..<14 {
            fixture.fail(0, 5)
            #expect(health.isEjected)
            lengths.append(length())
            fixture.detector.probed(fixture.members[0], isHealthy: true)
        }
        #expect((26...34).contains(lengths[0]) && (53...67).contains(lengths[1]))
        #expect(lengths.allSatisfy { $0 <= 301 } && lengths[13] > 260)
        for _ in 0..<20 {
            fixture.succeed(0)
            fixture.endInterval()
        }
        fixture.fail(0, 5)
        #expect((26...34).contains(length()))
    }

    @Test("a probe that finds the node unwell prolongs its ejection")
    func prolonged() {
        let fixture = fixture(10)
        let health = fixture.members[0].health
        fixture.fail(0, 5)
        clock.advance(by: .seconds(40))
        #expect(health.claimProbe(now: TimeSource(clock).uptime) || true)
        fixture.detector.probed(fixture.members[0], isHealthy: false)
        #expect(health.isEjected && health.isDown)
        // That it can be connected to is not enough.
        health.connected()
        #expect(health.isEjected && health.isDown)
        fixture.detector.probed(fixture.members[0], isHealthy: true)
        #expect(!health.isEjected && !health.isDown)
    }

    @Test("nothing is counted when it is switched off")
    func off() throws {
        let off = try OutlierSettings(Settings(variables: ["MICRO_CLIENT_OUTLIER_SHARE": "0"]))
        #expect(!off.isOn && fixture(5) { $0 = off }.members[0].health.outcomes == nil)
        let parts = try OutlierSettings(
            Settings(variables: [
                "MICRO_CLIENT_OUTLIER_CONSECUTIVE": "0", "MICRO_CLIENT_OUTLIER_FAILURES": "0",
                "MICRO_CLIENT_OUTLIER_LATENCY": "0",
            ]))
        #expect(!parts.isOn)
        #expect(throws: StartError.self) {
            try OutlierSettings(Settings(variables: ["MICRO_CLIENT_OUTLIER_SHARE": "101"]))
        }
    }

    @Test("numbers of calls don't run over into each other, and an interval is counted once")
    func counters() async {
        let outcomes = NodeOutcomes()
        for _ in 0..<70_000 { _ = outcomes.failed() }
        #expect(outcomes.failed() == 0xFFFF)
        outcomes.succeeded()
        let interval = outcomes.endInterval()
        #expect(interval.failures == 0xFFFF && interval.successes == 1 && interval.latency == nil)
        #expect(outcomes.failed() == 1)
        #expect(outcomes.endInterval().successes == 0)
        await withTaskGroup { group in
            for _ in 0..<4 { group.addTask { for _ in 0..<5000 { outcomes.succeeded() } } }
        }
        #expect(outcomes.endInterval().successes == 20_000)
        outcomes.took(.max)
        outcomes.took(-1)
        #expect(outcomes.endInterval().samples == 2)
    }

    @Test("a node that warms up gets more and more, whatever the clock does")
    func warmUp() {
        let health = NodeHealth()
        let end = Uptime(nanoseconds: 100_000_000_000)
        func share(at second: Int64) -> Double {
            health.warmUp(until: end)
            return health.share(now: Uptime(nanoseconds: second * 1_000_000_000), window: .seconds(10))
        }
        #expect(share(at: 90) == 0.1 && share(at: 95) == 0.5 && share(at: 99) == 0.9)
        #expect(share(at: 100) == 1 && !health.isWarmingUp)
        #expect(share(at: 0) == 1 && !health.isWarmingUp)
    }
}
