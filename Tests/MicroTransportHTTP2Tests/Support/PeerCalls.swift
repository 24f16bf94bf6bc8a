import MicroCore
import Synchronization

/// What became of the calls that were given an id.
final class PeerCalls: Sendable {
    private let states = Mutex<[String: String]>([:])

    /// Runs a handler's work, and notes how it ends.
    func observe(_ id: String, _ work: () async throws(MicroError) -> Void) async throws(MicroError) {
        set(id, "running")
        do {
            try await work()
            set(id, "finished")
        } catch {
            set(id, Task.isCancelled ? "cancelled" : "finished")
            throw error
        }
    }

    /// Returns a call's state as soon as it is the wanted one, or what it is after five seconds.
    func wait(for id: String, state: String) async -> String {
        let limit = ContinuousClock.now + .seconds(5)
        while self.state(of: id) != state, ContinuousClock.now < limit, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(2))
        }
        return self.state(of: id)
    }

    func state(of id: String) -> String { states.withLock { $0[id] ?? "unknown" } }

    private func set(_ id: String, _ state: String) { states.withLock { $0[id] = state } }
}
