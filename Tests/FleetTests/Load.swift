import EtcdTestSupport
import Foundation
import Micro
import MicroCore
import MicroPluginKit
import MicroRegistryEtcd
import MicroTestSupport
import MicroTransportHTTP2
import Synchronization

private struct WorkRequest: Codable { var milliseconds: Int }
private struct WorkReply: Codable { var process: Int32 }

/// Calls that go on until they are stopped, and what has become of them.
final class Load: Sendable {
    /// What has become of a call.
    struct Call: Sendable {
        let begin: ContinuousClock.Instant
        let duration: Duration

        /// The process that has answered, unless the call failed.
        let process: Int32?
        let error: MicroError?
    }

    private let client: MicroClient
    private let options: CallOptions
    private let milliseconds: Int
    private let stop = Latch()
    private let state = Mutex<[Call]>([])

    private init(_ client: MicroClient, _ options: CallOptions, milliseconds: Int) {
        self.client = client
        self.options = options
        self.milliseconds = milliseconds
    }

    /// Calls a fleet while a closure runs.
    ///
    /// - Parameters:
    ///   - fleet: The fleet.
    ///   - callers: How many callers call, each one call after the other.
    ///   - milliseconds: How long a call takes.
    ///   - options: How the calls are made.
    ///   - variables: What is set for the client.
    ///   - tls: How it secures its connections; plaintext if `nil`.
    ///   - body: Called once calls succeed.
    /// - Returns: All calls, in the order in which they have ended.
    /// - Throws: What the closure threw.
    static func run(
        on fleet: Fleet, callers: Int, milliseconds: Int = 10, _ options: CallOptions = CallOptions(),
        variables: [String: String] = [:], tls: TLSConfiguration? = nil, _ body: (Load) async throws -> Void
    ) async throws -> [Call] {
        let transport = HTTP2Transport(configuration: HTTP2Transport.Configuration(tls: tls))
        let client = MicroClient(
            registry: EtcdRegistry(addresses: [fleet.etcd.address]), transports: [transport],
            configuration: ConfigurationSources(environment: variables))
        return try await withMicroClient(client) { client in
            let load = Load(client, options, milliseconds: milliseconds)
            try await withThrowingDiscardingTaskGroup { group in
                // They end when the load is stopped below, or with the group.
                for _ in 0..<callers { group.addTask { await load.callRepeatedly() } }
                try await load.waitForSuccesses(callers * 3)
                try await body(load)
                load.stop.open()
            }
            return load.calls
        }
    }

    /// The calls that have ended so far.
    var calls: [Call] { state.withLock { $0 } }

    /// Waits until calls have succeeded that begin from now on.
    func waitForSuccesses(_ count: Int) async throws {
        let begin = ContinuousClock.now
        do {
            try await eventually("\(count) calls succeed", within: .seconds(30)) {
                calls.lazy.filter { $0.error == nil && $0.begin >= begin }.count >= count
            }
        } catch let error as TestSupportError {
            throw TestSupportError("\(error). \(calls.summary)")
        }
    }

    private func callRepeatedly() async {
        while !stop.isOpen, !Task.isCancelled {
            let begin = ContinuousClock.now
            var process: Int32?
            var failure: MicroError?
            do {
                process = try await client.call(
                    "fleet", "Fleet.Work", WorkRequest(milliseconds: milliseconds), returning: WorkReply.self,
                    options: options
                ).process
            } catch {
                failure = error
            }
            let call = Call(
                begin: begin, duration: .now - begin, process: process, error: failure)
            state.withLock { $0.append(call) }
            // A call that fails at once must not be made as fast as the machine can.
            _ = await stop.wait(until: .now + .milliseconds(5))
        }
    }
}

extension [Load.Call] {
    /// Those that failed.
    var failures: [Load.Call] { filter { $0.error != nil } }

    /// How they are described when a test fails.
    var summary: String {
        let texts = failures.map { "\($0.duration): \($0.error.map { "\($0)" } ?? "")" }
        return "\(failures.count) of \(count) calls failed: \(texts.prefix(10).joined(separator: "\n"))"
    }

    /// Those that began in a range of time.
    func begun(_ range: Range<ContinuousClock.Instant>) -> [Load.Call] { filter { range.contains($0.begin) } }

    /// The duration that so large a part of them does not exceed.
    func quantile(_ part: Double) -> Duration {
        let durations = map(\.duration).sorted()
        guard let last = durations.last else { return .zero }
        let index = Int((Double(durations.count) * part).rounded(.up)) - 1
        return durations.indices.contains(index) ? durations[index] : last
    }
}

/// How much is done, and how exact it must be.
enum Soak {
    /// Whether this is a soak run, on a machine that does nothing else: `FLEET_SOAK=1`.
    static let isOn = ProcessInfo.processInfo.environment["FLEET_SOAK"] == "1"

    /// Returns a limit: ten times wider unless this is a soak run.
    static func limit(_ duration: Duration) -> Duration { isOn ? duration : duration * 10 }

    /// Prints what was measured.
    static func report(_ text: String) { if isOn { print("fleet: \(text)") } }
}
