import MicroCore
import MicroTesting

@testable import Micro

/// Calls of one client to the nodes of a service, in time that passes as fast as the test computes.
///
/// Selectors, ejection, views and probes are the client's own; only nodes and clock are made up.
final class SelectionSimulation {
    /// How a node answers a call that begins at a moment.
    struct Behaviour: Sendable {
        /// How long calls take, in milliseconds, from this to twice as long.
        var latency: Double = 5
        /// Whether the node works at a moment, in seconds; calls fail in a millisecond while it doesn't.
        var works: @Sendable (_ second: Double) -> Bool = { _ in true }
    }

    /// What has come out.
    struct Result {
        var calls: [String: Int] = [:]
        var latencies: [Double] = []
        var failures = 0
        var mostEjected = 0
        var ejectedEver: Set<String> = []
        /// The calls of each node by seconds.
        var timeline: [String: [Int: Int]] = [:]

        func percentile(_ part: Double) -> Double {
            let sorted = latencies.sorted()
            return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
        }
    }

    /// A call in flight.
    private struct Call {
        let end: Double
        let begin: Double
        let error: MicroError?
        let tried: [String]
        let number: Int
    }

    private let names: [String]
    private let behaviours: [String: Behaviour]
    private let use: SelectorUse
    private let clock = ManualClock()
    private let time: TimeSource
    private let base: Uptime
    private let actions = ClientActions()
    private let detector: OutlierDetector
    private let snapshot: NodeSnapshot
    private var second = 0.0
    private var random = SplitMix(state: 42)
    private var attempts: [Int: Attempt] = [:]
    private var calls: [Call] = []
    private(set) var result = Result()

    /// An attempt, until it is finished.
    private final class Attempt {
        var attempt: NodeAttempt?
        let slot: PooledConnection

        init(_ attempt: consuming NodeAttempt, _ slot: PooledConnection) {
            self.attempt = consume attempt
            self.slot = slot
        }
    }

    init(
        _ behaviours: [String: Behaviour], selector: any Selector,
        settings: OutlierSettings = OutlierSettings()
    ) {
        self.behaviours = behaviours
        names = behaviours.keys.sorted()
        use = SelectorUse(selector)
        time = TimeSource(clock)
        base = time.uptime
        detector = OutlierDetector(service: "greeter", settings: settings, time: time)
        let pool = ConnectionPool(size: 100, timeToLive: .seconds(60), actions: actions, time: time)
        let transport = ScriptedTransport()
        snapshot = NodeSnapshot(
            slots: names.map { [detector] name in
                PooledConnection(
                    Candidate(Node(id: name, address: "10.0.0.1:1")), name: .service("greeter"),
                    transport: transport, pool: pool, health: NodeHealth(detector))
            },
            rules: NodeRules(settings: SelectionSettings(), detector: detector, seed: 1))
    }

    private var now: Uptime { Uptime(nanoseconds: base.nanoseconds + Int64(second * 1e9)) }

    /// Makes calls for a while, at even distances.
    ///
    /// - Parameters:
    ///   - rate: How many begin in a second.
    ///   - seconds: For how long.
    func run(rate: Int, seconds: Double) async {
        let end = second + seconds
        let interval = detector.settings.interval / .seconds(1)
        var (nextCall, nextProbe, nextInterval) = (second, second, second + interval)
        var number = 0
        while second < end {
            let nextEnd = calls.first?.end ?? .infinity
            let next = min(nextCall, nextProbe, nextInterval, nextEnd)
            clock.advance(by: .seconds(next - second))
            second = next
            if next == nextEnd {
                finish(pop())
            } else if next == nextCall {
                begin(number, at: second, tried: [])
                number += 1
                nextCall += 1 / Double(rate)
            } else if next == nextInterval {
                detector.endInterval(of: snapshot.fleet)
                nextInterval += interval
            } else {
                await probe()
                note()
                nextProbe += 0.1
            }
        }
    }

    /// Lets the clock jump.
    func jump(by seconds: Double) {
        clock.advance(by: .seconds(seconds))
        second += seconds
    }

    private func note() {
        let ejected = snapshot.slots.filter { $0.health.isEjected }.map(\.node.id)
        result.mostEjected = max(result.mostEjected, ejected.count)
        result.ejectedEver.formUnion(ejected)
    }

    private func begin(_ number: Int, at begin: Double, tried: [String]) {
        let now = now
        let context = SelectionContext(
            service: "greeter", endpoint: "Greeter.Hello", head: CallHead(path: "/greeter.Greeter/Hello"),
            tried: tried, signals: use.signals, now: now)
        guard let choice = try? snapshot.choose(use.selector, for: context) else {
            result.failures += 1
            return
        }
        let name = choice.slot.node.id
        result.calls[name, default: 0] += 1
        result.timeline[name, default: [:]][Int(second), default: 0] += 1
        attempts[number] = Attempt(NodeAttempt(choice, use, isConnected: true, now: now), choice.slot)
        let behaviour = behaviours[name] ?? Behaviour()
        let works = behaviour.works(second)
        let length = works ? behaviour.latency * (1 + random.fraction()) / 1000 : 0.001
        push(
            Call(
                end: second + length, begin: begin, error: works ? nil : MicroError(.unavailable, "broken"),
                tried: tried, number: number))
    }

    private func finish(_ call: Call) {
        guard let attempt = attempts.removeValue(forKey: call.number), let taken = attempt.attempt.take()
        else {
            return
        }
        let failed = taken.finish(
            call.error, isStream: false, service: "greeter", endpoint: "Greeter.Hello", now: now)
        if let failed {
            detector.failedInARow(failed.failures, failed.slot.member, among: snapshot.fleet)
            note()
        }
        if call.error == nil {
            result.latencies.append(second - call.begin)
        } else if call.tried.isEmpty {
            // One retry on another node, as for calls that are idempotent.
            begin(call.number, at: call.begin, tried: [attempt.slot.node.id])
        } else {
            result.failures += 1
        }
    }

    /// Answers the probes that the snapshot has asked for.
    private func probe() async {
        actions.close(ScriptedConnection(node: Node(id: "", address: ""), transport: ScriptedTransport()))
        for await action in actions.stream {
            guard case .probe(let slot) = action else { return }
            detector.probed(slot.member, isHealthy: behaviours[slot.node.id]?.works(second) ?? true)
        }
    }

    // A heap by the calls' ends.

    private func push(_ call: Call) {
        var position = calls.count
        calls.append(call)
        while position > 0, calls[(position - 1) / 2].end > calls[position].end {
            calls.swapAt(position, (position - 1) / 2)
            position = (position - 1) / 2
        }
    }

    private func pop() -> Call {
        calls.swapAt(0, calls.count - 1)
        let first = calls.removeLast()
        var position = 0
        while true {
            let children = [2 * position + 1, 2 * position + 2].filter { $0 < calls.count }
            guard let least = children.min(by: { calls[$0].end < calls[$1].end }),
                calls[least].end < calls[position].end
            else { return first }
            calls.swapAt(least, position)
            position = least
        }
    }

    private struct SplitMix {
        var state: UInt64

        mutating func fraction() -> Double {
            state &+= 0x9E37_79B9_7F4A_7C15
            return Double(StableHash.mix(state) >> 11) * 0x1p-53
        }
    }
}
