import MicroCore

@testable import Micro

/// A service in virtual time: calls that come at random, a gate, and what the handlers wait for behind it.
///
/// The same seed gives the same run.
struct VirtualStation {
    /// What the handlers wait for.
    enum Backend {
        /// So many permits, first come first served, each kept for a call's service time, also if its caller is gone.
        case permits(Int)

        /// Nothing that calls could get in each other's way at.
        case unbounded
    }

    var seed: UInt64 = 1
    var backend = Backend.permits(16)

    /// How many calls come in a second, by the second.
    var rate: (Double) -> Double

    /// How long a call takes in seconds once it has a permit, by the second and a source of chance.
    var service: (Double, inout SeededGenerator) -> Double = { _, _ in 0.02 }

    /// After how many seconds a caller is gone.
    var timeout = 1.0
    var seconds = 10.0

    /// Whether calls that wait for a permit give up with their callers.
    var isCancellable = false
    var bounds = EndpointGate.Bounds(concurrency: nil, adaptiveFloor: 8, queue: 0)

    /// By how much the clock is off, by the second.
    var clockError: (Double) -> Double = { _ in 0 }

    /// What came of the calls.
    struct Result {
        /// The ends of calls that were answered in time, and their latencies, in seconds.
        var answered: [(end: Double, latency: Double)] = []
        var refused: [Double] = []
        var missed: [Double] = []
        var limit: Int?
        var inFlight = 0

        func goodput(from begin: Double, to end: Double) -> Double {
            Double(answered.count { $0.end >= begin && $0.end < end }) / (end - begin)
        }

        func percentile(_ share: Double, from begin: Double) -> Double {
            let latencies = answered.filter { $0.end >= begin }.map(\.latency).sorted()
            return latencies.isEmpty ? .infinity : latencies[Int(share * Double(latencies.count - 1))]
        }
    }

    private enum Event {
        case arrival
        case end(Call)
        case timeout(Int)
    }

    private struct Call {
        let arrival: Double
        let ticket: EndpointGate.Ticket?
    }

    func run() -> Result {
        let clock = Shared(Int64(0))
        let gate = EndpointGate(bounds) { clock.value }
        var random = SeededGenerator(seed: seed)
        var events = EventQueue<Event>()
        var waiting: [Call?] = []
        var firstWaiting = 0
        var busy = 0
        var result = Result()
        func begin(_ call: Call, at now: Double) {
            events.add(.end(call), at: now + service(now, &random))
        }
        events.add(.arrival, at: 0)
        while let (now, event) = events.next(), now < seconds {
            clock.value = Int64((now + 1000 + clockError(now)) * 1e9)
            switch event {
            case .arrival:
                events.add(.arrival, at: now + random.exponential() / max(rate(now), 1e-6))
                if gate.isBusy, gate.refusal(of: .default, deadline: nil) != nil {
                    result.refused.append(now)
                    continue
                }
                var ticket: EndpointGate.Ticket?
                guard gate.enter(&ticket) else {
                    result.refused.append(now)
                    continue
                }
                let call = Call(arrival: now, ticket: ticket)
                if case .permits(let count) = backend {
                    if busy < count {
                        busy += 1
                        begin(call, at: now)
                    } else {
                        waiting.append(call)
                        if isCancellable { events.add(.timeout(waiting.count - 1), at: now + timeout) }
                    }
                } else {
                    begin(call, at: now)
                }
            case .end(let call):
                let latency = now - call.arrival
                let isInTime = latency <= timeout
                if isInTime { result.answered.append((now, latency)) } else { result.missed.append(now) }
                gate.leave(call.ticket, isInTime ? .answered : .late)
                guard case .permits = backend else { continue }
                var next: Call?
                while next == nil, firstWaiting < waiting.count {
                    next = waiting[firstWaiting]
                    waiting[firstWaiting] = nil
                    firstWaiting += 1
                }
                if let next { begin(next, at: now) } else { busy -= 1 }
            case .timeout(let index):
                guard let call = waiting[index] else { continue }
                waiting[index] = nil
                result.missed.append(now)
                gate.leave(call.ticket, .late)
            }
        }
        result.limit = gate.limitAndQueue.limit
        result.inFlight = gate.inFlight
        return result
    }
}

/// Events in the order of their times.
private struct EventQueue<Event> {
    private var heap: [(time: Double, number: Int, event: Event)] = []
    private var last = 0

    mutating func add(_ event: Event, at time: Double) {
        last += 1
        heap.append((time, last, event))
        var child = heap.count - 1
        while child > 0, isBefore(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func next() -> (time: Double, event: Event)? {
        guard let first = heap.first else { return nil }
        heap[0] = heap[heap.count - 1]
        heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && isBefore(child, least) {
                least = child
            }
            if least == parent { break }
            heap.swapAt(least, parent)
            parent = least
        }
        return (first.time, first.event)
    }

    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        (heap[left].time, heap[left].number) < (heap[right].time, heap[right].number)
    }
}

/// Numbers that look random, the same ones for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number with the mean 1, as the times between independent events are.
    mutating func exponential() -> Double {
        var sum = 0.0
        // The sum of many small chances: without a logarithm, and close enough for what the tests ask.
        var left = Double.random(in: 1e-9..<1, using: &self)
        while left < 0.5 {
            left *= 2
            sum += 0.693_147
        }
        let rest = (1 - left) / (1 + left)
        return sum + 2 * (rest + rest * rest * rest / 3 + rest * rest * rest * rest * rest / 5)
    }

    /// A number around 1 of which some are much greater, as the latencies of many services are.
    mutating func skewed() -> Double {
        let value = exponential()
        return 0.3 + value * value
    }
}
