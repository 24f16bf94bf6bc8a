import ArgumentParser
import Foundation
import Micro
import MicroCodecJSON
import MicroCore
import MicroRegistryMemory
import MicroTransportHTTP2
import Synchronization

/// Makes more calls than a service can serve, and prints what came of them as one line of JSON.
///
/// The handlers wait for one of some permits and keep it for a fixed time, also if their callers are gone. So it is known
/// what can be served in a second, whatever the machine; service and callers share a process.
@main
struct OverloadBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "overload-bench")

    @Option(help: "How many calls are made, as a multiple of what can be served.")
    var load = 1.5

    @Option(help: "The service's MICRO_SERVER_OVERLOAD.")
    var protection = "adaptive"

    @Option(help: "How many calls are served at once.")
    var permits = 32

    @Option(help: "How long a call takes that has a permit, in milliseconds.")
    var serviceTime = 20

    @Option(help: "How long the calls go on, in seconds; the second half counts.")
    var seconds = 8.0

    @Option(help: "After how many milliseconds a caller gives up.")
    var timeout = 1000

    func run() async throws {
        let permits = Permits(permits)
        let duration = Duration.milliseconds(serviceTime)
        var transport = HTTP2Transport.Configuration()
        transport.maximumConcurrentStreams = 100_000
        let service = MicroService(
            "busy", address: "127.0.0.1:0", registry: .memory, transport: .grpc(transport),
            plugins: [.jsonCodec],
            configuration: ConfigurationSources(
                arguments: [],
                environment: ["MICRO_SERVER_OVERLOAD": protection, "MICRO_SERVER_DRAIN_TIMEOUT": "0"])
        ) {
            Endpoint("Busy.Call") { (request: Call, _: RequestContext) in
                await permits.use { try? await Task.sleep(for: duration) }
                return request
            }
        }
        let outcome = Outcome()
        try await service.withRunning { running in
            await call(running.client, outcome)
            permits.close()
        }
        print(outcome.line(self))
    }

    /// What can be served in a second.
    fileprivate var capacity: Double { Double(permits) / (Double(serviceTime) / 1000) }

    /// Makes the calls at even distances, whether or not those before are answered.
    private func call(_ client: MicroClient, _ outcome: Outcome) async {
        let options = CallOptions(timeout: .milliseconds(timeout), retries: 0)
        let count = Int(load * capacity * seconds)
        let interval = Duration.seconds(1) / (load * capacity)
        let start = ContinuousClock.now
        await withDiscardingTaskGroup { group in
            for number in 0..<count {
                try? await Task.sleep(until: start + interval * number, clock: .continuous)
                group.addTask {
                    let begin = ContinuousClock.now
                    let error: MicroError?
                    do throws(MicroError) {
                        _ = try await client.call(
                            "busy", "Busy.Call", Call(number: number), returning: Call.self, options: options)
                        error = nil
                    } catch let failure {
                        error = failure
                    }
                    if number >= count / 2 { outcome.add(error, took: .now - begin) }
                }
            }
        }
    }
}

/// The one message.
private struct Call: Codable, Hashable, Sendable { var number: Int }

/// What came of the calls.
private final class Outcome: Sendable {
    private struct Counts {
        var latencies: [Double] = []
        var refused = 0
        var late = 0
        var failed = 0
    }

    private let counts = Mutex(Counts())

    func add(_ error: MicroError?, took time: Duration) {
        counts.withLock { counts in
            switch error?.status {
            case nil: counts.latencies.append(time / .milliseconds(1))
            case .unavailable?: counts.refused += 1
            case .deadlineExceeded?: counts.late += 1
            default: counts.failed += 1
            }
        }
    }

    func line(_ bench: OverloadBench) -> String {
        let counts = counts.withLock(\.self)
        let latencies = counts.latencies.sorted()
        func percentile(_ share: Double) -> Double {
            latencies.isEmpty ? -1 : latencies[Int(share * Double(latencies.count - 1))]
        }
        let goodput = Double(latencies.count) / (bench.seconds / 2) / bench.capacity
        return """
            {"load": \(bench.load), "protection": "\(bench.protection)", "goodput": \(goodput), \
            "p50_ms": \(percentile(0.5)), "p99_ms": \(percentile(0.99)), "refused": \(counts.refused), \
            "late": \(counts.late), "failed": \(counts.failed)}
            """
    }
}

/// Permits that are given first come first served, also to those whose callers are gone.
private final class Permits: Sendable {
    private struct State {
        var free: Int
        var isClosed = false
        var waiting: [CheckedContinuation<Void, Never>] = []
        var first = 0
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: count)) }

    /// Does something with a permit; what is cancelled keeps it for as long.
    func use(_ body: @escaping @Sendable () async -> Void) async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.free == 0, !state.isClosed else {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
        if !state.withLock(\.isClosed) { await Task { await body() }.value }
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.first < state.waiting.count else {
                state.free += 1
                return nil
            }
            state.first += 1
            return state.waiting[state.first - 1]
        }
        next?.resume()
    }

    /// Lets all go who wait.
    func close() { state.withLock { $0.isClosed = true } }
}
