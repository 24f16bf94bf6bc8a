import MicroCore
import MicroTesting
import Testing

@testable import Micro

/// Twenty nodes of which one is slow, one fails, and one goes up and down, in virtual time.
@Suite("A simulated fleet", .timeLimit(.minutes(2)))
struct SelectionSimulationTests {
    private typealias Behaviour = SelectionSimulation.Behaviour

    private static let healthy = (0..<17).map { String("abcdefghijklmnopq".dropFirst($0).prefix(1)) }

    private func fleet(_ special: [String: Behaviour]) -> [String: Behaviour] {
        var fleet = special
        for name in Self.healthy { fleet[name] = Behaviour() }
        return fleet
    }

    private static let troubled: [String: Behaviour] = [
        "slow": Behaviour(latency: 50), "failing": Behaviour(works: { _ in false }),
        "flapping": Behaviour(works: { Int($0) / 5 % 2 == 0 }),
    ]

    private func run(
        _ selector: any Selector, _ fleet: [String: Behaviour], seconds: Double = 60,
        _ change: (inout OutlierSettings) -> Void = { _ in }
    ) async -> SelectionSimulation.Result {
        var settings = OutlierSettings()
        change(&settings)
        let simulation = SelectionSimulation(fleet, selector: selector, settings: settings)
        await simulation.run(rate: 500, seconds: seconds)
        return simulation.result
    }

    @Test("leastloaded keeps calls away from the slow node, where roundrobin gives it its turn")
    func slow() async throws {
        let fleet = fleet(["slow": Behaviour(latency: 50), "r": Behaviour(), "s": Behaviour()])
        let robin = await run(RoundRobinSelector(), fleet) { $0.latencyFactor = nil }
        let least = await run(LeastLoadedSelector(), fleet) { $0.latencyFactor = nil }
        // A twentieth of the calls goes to the slow node, so that it makes the slowest hundredth.
        #expect(robin.percentile(0.99) > 0.05)
        #expect(least.percentile(0.99) < 0.02, "\(least.percentile(0.99))")
        #expect(robin.ejectedEver.isEmpty && least.ejectedEver.isEmpty)
        let fair = least.latencies.count / 20
        #expect(least.calls["slow", default: 0] < fair / 5, "\(least.calls)")
        #expect(Self.healthy.allSatisfy { (fair / 2...fair * 2).contains(least.calls[$0, default: 0]) })
        #expect(robin.calls.values.allSatisfy { abs($0 - fair) <= 1 }, "\(robin.calls)")
    }

    @Test(
        "nodes that fail are ejected, two of twenty at most, and no call fails that has a retry",
        arguments: ["roundrobin", "leastloaded", "random", "weighted"])
    func troubled(_ name: String) async throws {
        let plugin = try testPlugins.withEngineSelectors.choose(.selector, name: name)
        let selector = try plugin.make(as: .selector, context: .testing(role: "selector"))
        let result = await run(selector, fleet(Self.troubled)) { $0.latencyFactor = nil }
        #expect(result.mostEjected <= 2 && result.ejectedEver == ["failing", "flapping"])
        #expect(result.failures * 1000 < result.latencies.count, "\(result.failures)")
        // Five calls, and five after each probe that the node is up for.
        #expect(result.calls["failing", default: 0] <= 30, "\(result.calls)")
        #expect(result.latencies.count + result.failures >= 29_900)
    }

    @Test("a slow node is ejected too, and found again when it has become fast")
    func slowEjected() async throws {
        let fleet = fleet(["slow": Behaviour(latency: 50), "r": Behaviour(), "s": Behaviour()])
        let result = await run(RoundRobinSelector(), fleet)
        #expect(result.ejectedEver == ["slow"] && result.mostEjected == 1)
        #expect(result.calls["slow", default: 0] * 2 < result.calls["a", default: 0])
    }

    @Test("a node that is well again gets its share of the calls")
    func recovered() async throws {
        let fleet = fleet(["r": Behaviour(), "s": Behaviour(), "t": Behaviour(works: { $0 > 20 })])
        for selector in [RoundRobinSelector(), LeastLoadedSelector()] as [any Selector] {
            let result = await run(selector, fleet, seconds: 120)
            let late = (100..<120).reduce(0) { $0 + (result.timeline["t"]?[$1] ?? 0) }
            #expect((150...1000).contains(late), "\(late) calls in the last 20 s")
        }
    }

    @Test("a fleet that is well loses no node, and its calls are spread")
    func healthy() async throws {
        let fleet = fleet(["r": Behaviour(), "s": Behaviour(), "t": Behaviour()])
        for selector in [RoundRobinSelector(), LeastLoadedSelector(), RandomSelector()] as [any Selector] {
            let result = await run(selector, fleet)
            #expect(result.ejectedEver.isEmpty && result.failures == 0)
            let counts = result.calls.values
            #expect(
                result.calls.count == 20 && (counts.max() ?? 0) < 2 * (counts.min() ?? 0), "\(result.calls)")
        }
    }

    @Test("a clock that jumps by hours or a little back makes no call fail")
    func jumps() async throws {
        for selector in [RoundRobinSelector(), LeastLoadedSelector()] as [any Selector] {
            let simulation = SelectionSimulation(fleet(Self.troubled), selector: selector)
            for jump in [0, 3600, 86_400, -30, 0.001, -3600] {
                simulation.jump(by: jump)
                await simulation.run(rate: 500, seconds: 10)
            }
            let result = simulation.result
            #expect(result.failures * 200 < result.latencies.count && result.mostEjected <= 2)
            #expect(Self.healthy.allSatisfy { result.calls[$0, default: 0] > 300 }, "\(result.calls)")
        }
    }
}
