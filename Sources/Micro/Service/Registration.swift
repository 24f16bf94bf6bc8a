internal import Logging
import MicroCore
internal import MicroInterfaces
internal import MicroPluginKit

/// A node's place in the registry.
struct Registration: Sendable {
    /// How long leaving the registry may take for a service that the registry has not confirmed: an attempt that
    /// seemed to fail may have been heard.
    private static let unregisteredLimit = Duration.milliseconds(100)

    /// How often the first registration is tried.
    private static let attempts = 3

    /// How long to wait between these.
    private static let backoff = ExponentialBackoff(
        first: .milliseconds(100), longest: .seconds(1), factor: 5)

    let registry: any Registry
    let timeToLive: Duration?

    /// Tells when the node's address may have changed.
    private let monitor: NetworkMonitor

    private let time: TimeSource

    /// Makes the record, with the address that the node has at this moment.
    let record: @Sendable () -> ServiceRecord

    private let hasRegistered = Shared(false)

    init(
        registry: any Registry, timeToLive: Duration?, monitor: NetworkMonitor = .shared,
        time: TimeSource = .continuous, record: @escaping @Sendable () -> ServiceRecord
    ) {
        self.registry = registry
        self.timeToLive = timeToLive
        self.monitor = monitor
        self.time = time
        self.record = record
    }

    /// Whether the registry has confirmed the node, so that it has to hear of the end.
    var isRegistered: Bool { hasRegistered.value }

    /// Registers the node; if that fails a few times the service starts nevertheless, and the next
    /// repetition tries again.
    ///
    /// - Returns: The record that was registered last, or should have been.
    /// - Throws: A ``StartError`` if the registry can't hold such a record, which no repetition changes.
    func begin() async throws(StartError) -> ServiceRecord {
        var attempt = 1
        while true {
            let record = record()
            if try await register(record) || attempt == Self.attempts { return record }
            if (try? await time.sleep(for: Self.backoff.delay(attempt: attempt - 1))) == nil { return record }
            attempt += 1
        }
    }

    /// Repeats the registration until the task is cancelled: every interval, and when the node's address has
    /// changed.
    ///
    /// - Parameters:
    ///   - first: The record that was registered.
    ///   - interval: How often it is repeated; `nil` only when it changes.
    func renew(_ first: ServiceRecord, every interval: Duration?) async {
        var registered = first
        var due = interval.map { time.now + $0 }
        while true {
            // Taken before the look at the addresses, so that no change is missed between the two.
            let change = monitor.nextChange
            let record = record()
            if record != registered || due.map({ $0 <= time.now }) == true {
                due = interval.map { time.now + $0 }
                do {
                    if try await register(record) {
                        if record != registered { logChange(from: registered, to: record) }
                        registered = record
                    }
                } catch {
                    // Only another record could be held.
                    Logger.current.error("\(error.message)", metadata: [LogKeys.service: "\(record.name)"])
                    (registered, due) = (record, nil)
                }
            }
            if let due { await time.wait(until: due) { await change.wait() } } else { await change.wait() }
            guard !Task.isCancelled else { return }
        }
    }

    /// Removes the node.
    ///
    /// - Parameter limit: How long it may take.
    /// - Returns: Whether the registry was told.
    func end(within limit: Duration) async -> Bool {
        do {
            try await registry.deregister(
                record(), within: isRegistered ? limit : Self.unregisteredLimit)
            return true
        } catch {
            guard isRegistered, !Task.isCancelled else { return false }
            Logger.current.warning(
                "The service could not leave the registry.",
                metadata: [LogKeys.error: "\("\(error)".printable(limit: 2000))"])
            return false
        }
    }

    private func logChange(from old: ServiceRecord, to new: ServiceRecord) {
        Logger.current.info(
            "The service is registered with another address, since the machine's have changed.",
            metadata: [
                LogKeys.address: "\(new.nodes.map(\.address).joined(separator: ", "))",
                LogKeys.earlierAddress: "\(old.nodes.map(\.address).joined(separator: ", "))",
            ])
    }

    /// Registers the node.
    ///
    /// - Returns: Whether that succeeded; if not, trying again may.
    /// - Throws: A ``StartError`` if it can't.
    private func register(_ record: ServiceRecord) async throws(StartError) -> Bool {
        do {
            try await registry.register(record, timeToLive: timeToLive)
            hasRegistered.value = true
            return true
        } catch let error as MicroError where error.status == .invalidArgument {
            throw StartError(
                .invalidConfiguration,
                "The service \(record.name) can't be registered with \(registry.name): \(error.detail)")
        } catch {
            guard !Task.isCancelled else { return false }
            Logger.current.warning(
                "The service could not be registered; this is tried again.",
                metadata: [
                    LogKeys.service: "\(record.name)", LogKeys.error: "\("\(error)".printable(limit: 2000))",
                ])
            return false
        }
    }
}
