internal import Logging
import MicroCore

/// A node's place in the registry.
struct Registration: Sendable {
    /// The longest that leaving the registry may take when the service stops.
    static let patience = Duration.seconds(5)

    /// The same for a service that the registry has not confirmed: an attempt that seemed to fail may have been heard.
    private static let unregisteredPatience = Duration.milliseconds(100)

    /// How often the first registration is tried.
    private static let attempts = 3

    let registry: any Registry
    let record: ServiceRecord
    let timeToLive: Duration?
    private let hasRegistered = Shared(false)

    init(registry: any Registry, record: ServiceRecord, timeToLive: Duration?) {
        self.registry = registry
        self.record = record
        self.timeToLive = timeToLive
    }

    /// Whether the registry has confirmed the node, so that it is to be told of the end.
    var isRegistered: Bool { hasRegistered.value }

    /// Registers the node; if that fails a few times the service starts nevertheless, and the next
    /// repetition tries again.
    func begin() async {
        for attempt in 1...Self.attempts {
            if await register() || attempt == Self.attempts { return }
            if (try? await Task.sleep(for: Backoff.pause(before: attempt))) == nil { return }
        }
    }

    /// Repeats the registration until the task is cancelled.
    func renew(every interval: Duration?) async {
        guard let interval else { return await OneShot().wait() }
        while (try? await Task.sleep(for: interval)) != nil { await register() }
    }

    /// Removes the node.
    ///
    /// - Returns: Whether the registry was told.
    func end() async -> Bool {
        do {
            try await registry.deregister(
                record, within: isRegistered ? Self.patience : Self.unregisteredPatience)
            return true
        } catch {
            guard isRegistered, !Task.isCancelled else { return false }
            Logger.current.warning(
                "The service could not leave the registry.", metadata: [LogKeys.error: "\(error)"])
            return false
        }
    }

    @discardableResult
    private func register() async -> Bool {
        do {
            try await registry.register(record, timeToLive: timeToLive)
            hasRegistered.value = true
            return true
        } catch {
            guard !Task.isCancelled else { return false }
            Logger.current.warning(
                "The service could not be registered; this is tried again.",
                metadata: [LogKeys.service: "\(record.name)", LogKeys.error: "\(error)"])
            return false
        }
    }
}
