internal import Logging
import MicroCore
internal import MicroPluginKit

/// The access log of a service, and its log of slow calls: one line for a call that has ended.
final class CallLog: Sendable {
    private let isAccessLog: Bool
    private let slow: Int64
    private let logger: Logger

    /// A service that is slow as a whole would log as much as it answers.
    private let throttle = LogThrottle(burst: 10, interval: .seconds(1))

    /// Creates the log, if there is to be one.
    init?(_ settings: CallLogSettings, logger: Logger) {
        guard !settings.isOff else { return nil }
        isAccessLog = settings.isAccessLog
        slow = settings.slow?.nanosecondsClamped ?? .max
        self.logger = logger
    }

    /// A call that has ended.
    struct Entry {
        let endpoint: String
        let head: CallHead
        let duration: Int64
        let status: RPCStatus
        let received: Int
        let sent: Int

        /// Whether its duration tells how fast the service is: a stream lasts as long as it is wanted.
        let isUnary: Bool
    }

    /// Logs a call if it is one of those that are logged.
    func ended(_ entry: @autoclosure () -> Entry, duration: Int64) {
        guard isAccessLog || duration >= slow else { return }
        let entry = entry()
        if entry.isUnary, duration >= slow {
            guard !isAccessLog else { return write(entry, .warning, "A call was slow.") }
            throttle.admit { write(entry, .warning, "A call was slow.", suppressed: $0) }
        } else if isAccessLog {
            write(entry, .info, "A call was answered.")
        }
    }

    private func write(
        _ entry: Entry, _ level: Logger.Level, _ text: Logger.Message, suppressed: Int = 0
    ) {
        var metadata: Logger.Metadata = [
            LogKeys.endpoint: "\(entry.endpoint)", LogKeys.status: "\(entry.status)",
            LogKeys.duration: "\(Self.milliseconds(entry.duration))",
            LogKeys.requestSize: "\(entry.received)", LogKeys.responseSize: "\(entry.sent)",
        ]
        if let peer = entry.head.peer { metadata[LogKeys.peer] = "\(peer.address.printable(limit: 100))" }
        if let trace = entry.head.metadata.traceID { metadata[LogKeys.trace] = "\(trace)" }
        if suppressed > 0 { metadata[LogKeys.suppressed] = "\(suppressed)" }
        logger.log(level: level, text, metadata: metadata)
    }

    /// A duration as text with three places: `12.345 ms`.
    private static func milliseconds(_ nanoseconds: Int64) -> String {
        let microseconds = nanoseconds / 1000
        let rest = String(microseconds % 1000)
        return "\(microseconds / 1000).\(String(repeating: "0", count: 3 - rest.utf8.count))\(rest) ms"
    }
}
