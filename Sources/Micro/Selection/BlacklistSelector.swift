public import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// Picks any node, but for 30 s none that has failed three times in a row: `MICRO_SELECTOR=blacklist`, as Go Micro v1's.
///
/// Unlike there, only failures count that are the node's fault, so that a client with bad requests excludes nobody; and
/// where all nodes are excluded, all are called. The outlier ejection, which every selector has, does the same with more
/// care, so this one is for those who want Go Micro's behaviour.
public final class BlacklistSelector: Selector {
    /// How many failures in a row exclude a node.
    private static let failureLimit = 3

    /// For how long a node is excluded.
    private static let exclusion = Duration.seconds(30)

    /// How many nodes with failures are remembered at most.
    private static let nodeLimit = 10_000

    private struct Failures {
        var count = 0
        var end: ContinuousClock.Instant?
    }

    private let random = SharedRandom()
    private let time: TimeSource
    private let isAnyFailing = Atomic(false)
    private let failing = Mutex<[String: Failures]>([:])

    /// Creates a selector.
    public convenience init() { self.init(time: .continuous) }

    /// Creates a selector with a clock of its own.
    package init(time: TimeSource) { self.time = time }

    /// Outcomes are reported.
    public var signals: SelectionSignals { .outcomes }

    /// Picks a node.
    public func choose(from candidates: Candidates, for call: SelectionContext) -> Int? {
        guard !candidates.isEmpty else { return nil }
        let position = random.position(below: candidates.count)
        guard isAnyFailing.load(ordering: .relaxed) else { return position }
        let excluded = excluded()
        guard excluded.contains(candidates[position].node.id) else { return position }
        let others = candidates.indices.filter { !excluded.contains(candidates[$0].node.id) }
        return others.isEmpty ? position : others[random.position(below: others.count)]
    }

    /// Counts failures in a row.
    public func attemptEnded(_ attempt: AttemptResult) {
        let id = attempt.candidate.node.id
        if attempt.isNodeFault {
            failing.withLock { failing in
                if failing.count >= Self.nodeLimit, failing[id] == nil { failing = [:] }
                failing[id, default: Failures()].count += 1
                if let count = failing[id]?.count, count >= Self.failureLimit {
                    failing[id] = Failures(count: 0, end: time.now + Self.exclusion)
                }
                isAnyFailing.store(true, ordering: .relaxed)
            }
        } else if isAnyFailing.load(ordering: .relaxed), attempt.error?.status != .cancelled {
            failing.withLock { failing in
                failing[id] = nil
                isAnyFailing.store(!failing.isEmpty, ordering: .relaxed)
            }
        }
    }

    /// Returns the ids of the nodes that are excluded now.
    private func excluded() -> Set<String> {
        failing.withLock { failing in
            let now = time.now
            for (id, failures) in failing {
                // The time is checked in both directions: a clock that jumped back must not prolong anything.
                guard let end = failures.end, now >= end || end - now > Self.exclusion else { continue }
                failing[id] = nil
            }
            isAnyFailing.store(!failing.isEmpty, ordering: .relaxed)
            return Set(failing.lazy.filter { $0.value.end != nil }.map(\.key))
        }
    }
}

extension Selector where Self == BlacklistSelector {
    /// Picks any node, but for 30 s none that has failed three times in a row.
    public static var blacklist: Self { BlacklistSelector() }
}
