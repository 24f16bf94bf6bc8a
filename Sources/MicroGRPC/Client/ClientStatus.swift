import MicroPluginKit
import Synchronization

/// What threads other than its loop's may know of a client's connection.
final class ClientStatus: Sendable {
    private let usable = Atomic<Bool>(true)
    private let calls = Atomic<Int>(0)

    /// Opens when the connection is closed.
    let closed = Latch()

    /// Whether new calls can be made.
    var isUsable: Bool { usable.load(ordering: .relaxed) }

    /// The number of calls that run.
    var activeCalls: Int { calls.load(ordering: .relaxed) }

    func becameUnusable() { usable.store(false, ordering: .relaxed) }
    func callBegan() { calls.add(1, ordering: .relaxed) }
    func callEnded() { calls.subtract(1, ordering: .relaxed) }
}
