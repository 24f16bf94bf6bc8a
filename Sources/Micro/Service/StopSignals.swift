internal import Logging
import MicroCore
internal import UnixSignals

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What SIGTERM and SIGINT do to a service that handles them: the first one stops it in order, the second one at
/// once, and the third one ends the process.
enum StopSignals {
    /// How long a forced stop may take before the process is ended.
    private static let patience = Duration.seconds(5)

    /// Runs a service, and stops it when signals arrive.
    ///
    /// - Parameters:
    ///   - stop: What tells the service to stop.
    ///   - body: Runs the service.
    /// - Throws: What the closure threw.
    static func handling(for stop: StopSignal, _ body: () async throws -> Void) async throws {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        try await withThrowingDiscardingTaskGroup { group in
            // Reads the signals until the service has ended.
            group.addTask { await read(signals, stop) }
            defer { group.cancelAll() }
            try await body()
        }
    }

    private static func read(_ signals: UnixSignalsSequence, _ stop: StopSignal) async {
        await withDiscardingTaskGroup { group in
            var count = 0
            for await signal in signals {
                count += 1
                switch count {
                case 1:
                    Logger.current.notice("A signal asks the service to stop.", metadata: metadata(signal))
                    stop.request()
                case 2:
                    Logger.current.warning(
                        "A second signal forces the stop: nothing more is waited for.",
                        metadata: metadata(signal))
                    stop.force()
                    // Ends with the group, when the service has ended, or ends the process.
                    group.addTask {
                        guard (try? await Task.sleep(for: patience)) != nil else { return }
                        end(
                            signal,
                            "The service does not end, so its process does: a call that runs blocks its thread."
                        )
                    }
                default:
                    end(signal, "A third signal ends the process.")
                }
            }
            group.cancelAll()
        }
    }

    private static func end(_ signal: UnixSignal, _ message: Logger.Message) {
        Logger.current.error(message, metadata: metadata(signal))
        _exit(128 + signal.rawValue)
    }

    private static func metadata(_ signal: UnixSignal) -> Logger.Metadata { [LogKeys.signal: "\(signal)"] }
}
