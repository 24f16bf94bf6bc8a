import Micro
import MicroCodecJSON
import MicroCore
import MicroRegistryMemory
import MicroTransportHTTP2
import Synchronization
import Testing

/// A service over HTTP/2 with more calls than it can serve.
///
/// Its handlers wait for one of 16 permits and keep it for 50 ms, also if their callers are gone: 320 calls a second,
/// whatever the machine. The figures are in the benchmark `overload`; here they have to be far off to fail.
@Suite(.serialized, .timeLimit(.minutes(2))) struct OverloadTests {
    private static let permits = 16
    private static let capacity = 320.0
    private static let seconds = 6

    private struct Ping: Codable, Hashable, Sendable { var number = 0 }

    /// What came of the calls of the second half, when the service has had time to find its limit.
    private struct Tally {
        var answered = 0
        var refused = 0
        var late = 0
        var other: [String] = []
    }

    private final class Results: Sendable {
        let tally = Mutex(Tally())
    }

    private func tally(load: Double, overload: String) async throws -> Tally {
        let permits = Permits(Self.permits)
        var transport = HTTP2Transport.Configuration()
        transport.maximumConcurrentStreams = 10_000
        let service = MicroService(
            "busy", address: "127.0.0.1:0", registry: MemoryRegistry(),
            transport: HTTP2Transport(configuration: transport),
            plugins: [.jsonCodec],
            configuration: ConfigurationSources(
                arguments: [],
                environment: [
                    "MICRO_SERVER_OVERLOAD": overload, "MICRO_SERVER_DEREGISTRATION_DELAY": "0",
                    "MICRO_SERVER_DRAIN_TIMEOUT": "0",
                ])
        ) {
            Endpoint("Busy.Ping") { (request: Ping, context) in
                await permits.use { try? await Task.sleep(for: .milliseconds(50)) }
                return request
            }
        }
        let result = Results()
        try await service.withRunning { running in
            await withDiscardingTaskGroup { group in
                let start = ContinuousClock.now
                let interval = Duration.seconds(1) / (load * Self.capacity)
                for number in 0..<Int(load * Self.capacity * Double(Self.seconds)) {
                    try? await Task.sleep(until: start + interval * number, clock: .continuous)
                    let counts = number >= Int(load * Self.capacity * Double(Self.seconds) / 2)
                    group.addTask {
                        let outcome: MicroError?
                        do throws(MicroError) {
                            _ = try await running.client.call(
                                "busy", "Busy.Ping", Ping(number: number), returning: Ping.self,
                                options: CallOptions(timeout: .seconds(1), retries: 0))
                            outcome = nil
                        } catch {
                            outcome = error
                        }
                        guard counts else { return }
                        result.tally.withLock { result in
                            switch outcome?.status {
                            case nil: result.answered += 1
                            case .deadlineExceeded?, .cancelled?: result.late += 1
                            case .unavailable? where outcome?.retryPushback != nil: result.refused += 1
                            default: result.other.append("\(outcome.debugDescription)")
                            }
                        }
                    }
                }
            }
            permits.close()
        }
        return result.tally.withLock(\.self)
    }

    // More load than this takes more CPU than a machine may have that runs a debug build beside others: three times as
    // many calls as can be served are for `AdaptiveLimitTests`, in virtual time, and for the benchmark.
    @Test func anOverloadedServiceServesWhatItCan() async throws {
        let tally = try await tally(load: 1.5, overload: "adaptive")
        let possible = Self.capacity * Double(Self.seconds) / 2
        #expect(tally.other.isEmpty)
        #expect(Double(tally.answered) > possible / 10, "\(tally)")
        #expect(tally.refused > 0, "\(tally)")
    }

    @Test func withoutProtectionItServesNobody() async throws {
        let tally = try await tally(load: 3, overload: "off")
        let possible = Self.capacity * Double(Self.seconds) / 2
        #expect(Double(tally.answered) < possible / 4 && tally.refused == 0, "\(tally)")
        #expect(tally.late > tally.answered)
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
        release()
    }

    private func release() {
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
