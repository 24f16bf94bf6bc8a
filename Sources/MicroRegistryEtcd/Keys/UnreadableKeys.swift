internal import Logging
internal import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// The keys whose values are no records, of which each is reported once.
///
/// Another program's keys may stand under our prefix, and change often.
final class UnreadableKeys: Sendable {
    /// How many keys are reported; nobody reads more.
    private static let limit = 1000

    private let throttle = LogThrottle(burst: 20)
    private let reported = Mutex<Set<String>>([])

    /// Reports a key, unless it was reported before.
    func report(_ key: String, _ reason: String) {
        // Also what is remembered is bounded: a key may have megabytes.
        let text = key.printable(limit: 200)
        let isNew = reported.withLock { $0.count < Self.limit && $0.insert(text).inserted }
        guard isNew else { return }
        throttle.admit { suppressed in
            Logger.current.warning(
                "A value in etcd is not a service's record, and is passed over.",
                metadata: [
                    "key": "\(text)", "error": "\(reason.printable(limit: 200))",
                    "suppressed": "\(suppressed)",
                ])
        }
    }
}
