internal import Logging
import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// Ejects the nodes of one service that answer worse than the others: calls go elsewhere for a while.
///
/// Failures in a row eject a node at once; percentages of failures and latencies are compared once an interval. No more
/// than a small part of the nodes is ejected, so that what ails the whole service leaves it as it is.
final class OutlierDetector: Sendable {
    let settings: OutlierSettings
    let time: TimeSource
    private let service: String
    private let changes = Atomic<UInt64>(0)
    private let ejectionCount = Atomic(0)
    private let warnings = LogThrottle()

    /// Held while it is decided about an ejection, so that two at once don't exceed the limit.
    private let decision = Mutex(())

    init(service: String, settings: OutlierSettings, time: TimeSource) {
        self.service = service
        self.settings = settings
        self.time = time
    }

    /// A number that changes whenever a node is passed over from now on, or no longer.
    var generation: UInt64 { changes.load(ordering: .acquiring) }

    /// How often a node was ejected.
    var ejections: Int { ejectionCount.load(ordering: .relaxed) }

    func changed() { changes.wrappingAdd(1, ordering: .releasing) }

    /// A node of the service.
    struct Member: Sendable {
        let node: Node
        let health: NodeHealth
    }

    /// The nodes of the service, and how many of them are called while all are well: a part of them if the client has a
    /// subset or prefers a zone.
    struct Fleet: Sendable {
        let all: [Member]
        let calledCount: Int
    }

    /// Whether so many failures in a row are a reason to look whether the node may be ejected.
    ///
    /// They are now and again, and not with each failure: when all nodes fail, and no more of them may be ejected, it
    /// should cost nothing.
    func isReason(_ failures: Int) -> Bool {
        failures >= settings.consecutive
            && (failures % settings.consecutive == 0 || failures == NodeOutcomes.countLimit)
    }

    /// Ejects a node if it may be: it has failed so often in a row.
    func failedInARow(_ count: Int, _ member: Member, among fleet: Fleet) {
        if isReason(count) { eject(member, among: fleet, "\(count) failures in a row") }
    }

    /// Compares the nodes by what the last interval has shown.
    func endInterval(of fleet: Fleet) {
        let shown = fleet.all.compactMap { member in
            member.health.outcomes.map { (member: member, outcomes: $0, interval: $0.endInterval()) }
        }
        for (member, outcomes, interval) in shown
        where !member.health.isEjected && interval.successes > 0 { outcomes.forgive() }
        let present = shown.filter { !$0.member.health.isDown }
        for (member, percentage) in failing(present.map { ($0.member, $0.interval) }) {
            eject(member, among: fleet, "\(percentage) % of its calls failed")
        }
        for (member, factor) in slow(present.map { ($0.member, $0.interval) }) {
            eject(member, among: fleet, "\(factor) times slower than the median")
        }
    }

    /// The nodes with too many failures, the worst first.
    private func failing(_ shown: [(Member, NodeOutcomes.Interval)]) -> [(Member, percentage: Int)] {
        guard let threshold = settings.failurePercentage else { return [] }
        let busy = shown.filter { $1.successes + $1.failures >= settings.minimumCalls }
        guard busy.count >= settings.minimumNodes else { return [] }
        return busy.map { ($0, percentage: $1.failures * 100 / max(1, $1.successes + $1.failures)) }
            .filter { $0.percentage >= threshold }
            .sorted { $0.percentage > $1.percentage }
    }

    /// The nodes that are too slow, the slowest first.
    private func slow(_ shown: [(Member, NodeOutcomes.Interval)]) -> [(Member, factor: Int)] {
        guard let factor = settings.latencyFactor else { return [] }
        let measured = shown.compactMap { member, interval in
            interval.samples >= settings.minimumSamples ? interval.latency.map { (member, latency: $0) } : nil
        }
        guard measured.count >= settings.minimumNodes else { return [] }
        let median = measured.map(\.latency).sorted()[measured.count / 2]
        let harmless = NodeOutcomes.logarithm(of: settings.harmlessLatency.nanosecondsClamped)
        let limit = max(harmless, median + NodeOutcomes.logarithm(of: Int64(factor)))
        return measured.filter { $0.latency >= limit }
            .sorted { $0.latency > $1.latency }
            .map { ($0.0, factor: Self.power(of: $0.latency - median)) }
    }

    /// Returns 2 to the power of a logarithm that ``NodeOutcomes/logarithm(of:)`` may return, rounded down.
    private static func power(of logarithm: Double) -> Int {
        let whole = min(max(0, logarithm.rounded(.down)), 60)
        return Int(
            Double(sign: .plus, exponent: Int(whole), significand: 1 + min(max(0, logarithm - whole), 0.99)))
    }

    private func eject(_ member: Member, among fleet: Fleet, _ reason: String) {
        let now = time.uptime
        let length = decision.withLock { _ -> Duration? in
            guard settings.isOn, !member.health.isEjected,
                fleet.all.count(where: \.health.isEjected) < settings.limit(of: fleet.calledCount),
                fleet.all.contains(where: { $0.health !== member.health && !$0.health.isDown })
            else { return nil }
            let length = settings.time(ofEjection: member.health.outcomes?.ejected() ?? 1)
            member.health.eject(now: now, for: length)
            return length
        }
        guard let length else { return }
        ejectionCount.wrappingAdd(1, ordering: .relaxed)
        warnings.admit { suppressed in
            Logger.current.warning(
                "A node is ejected: calls go to others until it is probed again.",
                metadata: metadata(member.node).merging([
                    LogKeys.error: "\(reason)", LogKeys.duration: "\(length)",
                    LogKeys.suppressed: "\(suppressed)",
                ]) { $1 })
        }
    }

    /// Takes a node back, or prolongs its ejection, as a probe has shown.
    func probed(_ member: Member, isHealthy: Bool) {
        if isHealthy {
            member.health.readmit()
            Logger.current.info("An ejected node is called again.", metadata: metadata(member.node))
        } else {
            member.health.eject(
                now: time.uptime, for: settings.time(ofEjection: member.health.outcomes?.ejected() ?? 1))
        }
    }

    private func metadata(_ node: Node) -> Logger.Metadata {
        [
            LogKeys.service: "\(service.printable(limit: 100))",
            LogKeys.node: "\(node.id.printable(limit: 100))",
            LogKeys.address: "\(node.address.printableAddress())",
        ]
    }
}
