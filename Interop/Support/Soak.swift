import Micro
import MicroCore

/// How the soak cases are run.
package struct SoakOptions: Sendable {
    /// How often the large call is made.
    package var iterations = 10

    /// How many iterations may fail.
    package var maximumFailures = 0

    /// How long an iteration may take without counting as failed.
    package var acceptableLatency = Duration.milliseconds(1000)

    /// How long all iterations may take together.
    package var overallTimeout = Duration.seconds(10)

    /// How long to wait from the beginning of one call to that of the next.
    package var pause = Duration.zero

    package init() {}
}

/// The large call, again and again.
struct Soak {
    let options: SoakOptions

    /// Makes the calls.
    ///
    /// - Parameters:
    ///   - interop: The client that the calls are made with.
    ///   - isChannelNew: Whether each call has a client, and so a connection, of its own.
    /// - Throws: An ``InteropFailure`` if too many calls fail, or take too long together.
    func run(on interop: InteropClient, isChannelNew: Bool) async throws {
        let clock = ContinuousClock()
        let end = clock.now + options.overallTimeout
        var latencies: [Duration] = []
        var failures: [String] = []
        for iteration in 0..<max(options.iterations, 0) {
            let begin = clock.now
            guard begin < end else {
                throw InteropFailure(
                    "\(iteration) of \(options.iterations) iterations were done after "
                        + "\(options.overallTimeout); \(failures.count) failed\(reasons(failures))")
            }
            let failure = await failure(of: interop, isChannelNew, timeout: end - begin)
            let latency = clock.now - begin
            latencies.append(latency)
            if let failure {
                failures.append(failure)
            } else if latency > options.acceptableLatency {
                failures.append("it took \(latency)")
            }
            if options.pause > .zero { try await clock.sleep(until: begin + options.pause) }
        }
        report(latencies.sorted(), failures: failures.count)
        guard failures.count <= options.maximumFailures else {
            throw InteropFailure(
                "\(failures.count) of \(options.iterations) iterations failed; \(options.maximumFailures) may"
                    + reasons(failures))
        }
    }

    /// Makes a call, and returns what went wrong, if anything did.
    private func failure(
        of interop: InteropClient, _ isChannelNew: Bool, timeout: Duration
    ) async -> String? {
        do {
            guard isChannelNew else {
                try await call(interop, timeout)
                return nil
            }
            try await withMicroClient(interop.target.makeClient()) { client in
                try await call(InteropClient(client: client, target: interop.target, soak: options), timeout)
            }
            return nil
        } catch {
            return "\(error)"
        }
    }

    private func call(_ interop: InteropClient, _ timeout: Duration) async throws {
        try interop.checkLarge(try await interop.callLarge(.large, interop.options(timeout: timeout)).reply)
    }

    private func reasons(_ failures: [String]) -> String {
        failures.isEmpty ? "" : ": " + failures.prefix(3).joined(separator: "; ")
    }

    private func report(_ latencies: [Duration], failures: Int) {
        guard let longest = latencies.last else { return }
        let median = latencies[latencies.count / 2]
        let rare = latencies[min(latencies.count * 9 / 10, latencies.count - 1)]
        print(
            "soak: \(latencies.count) iterations, \(failures) failed; median \(median), 90 % \(rare), "
                + "longest \(longest)")
    }
}
