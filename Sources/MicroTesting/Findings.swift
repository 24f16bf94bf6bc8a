import MicroPluginKit
import MicroTestSupport
import Synchronization

/// What a conformance suite has found so far.
final class Findings: Sendable {
    private let violations = Mutex<[String]>([])
    private let patience: Duration

    /// Creates an empty list.
    ///
    /// - Parameter patience: How long a phase of the suite may take before it counts as hanging.
    init(patience: Duration) { self.patience = patience }

    /// Writes a broken promise down if a condition doesn't hold.
    func expect(_ condition: Bool, _ promise: @autoclosure () -> String) {
        guard !condition else { return }
        let text = promise()
        violations.withLock { $0.append(text) }
    }

    /// Runs one phase; what it throws, and that it hangs, is written down.
    ///
    /// - Parameters:
    ///   - name: What the phase checks.
    ///   - body: The checks.
    func phase(_ name: String, _ body: @escaping @Sendable () async throws -> Void) async {
        do {
            try await within(patience, body)
        } catch {
            violations.withLock { $0.append("\(name): \(error)") }
        }
    }

    /// Throws what was found, if anything was.
    func report(_ subject: String) throws(ConformanceFailure) {
        let violations = violations.withLock { $0 }
        if !violations.isEmpty { throw ConformanceFailure(subject: subject, violations: violations) }
    }
}

/// Runs a function, and cancels it and throws when it takes too long.
func within<Result: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    guard let result = try await withTimeLimit(limit, body) else {
        throw TestSupportError("did not end within \(limit)")
    }
    return result
}

/// Does a check while the background work of plugins runs; the check begins first, since calls wait for that.
func whileRunning(
    _ runs: [@Sendable () async throws -> Void], _ check: @escaping @Sendable () async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: Bool.self) { group in
        group.addTask {
            try await check()
            return true
        }
        for run in runs {
            group.addTask {
                do { try await run() } catch is CancellationError {}
                return false
            }
        }
        defer { group.cancelAll() }
        while let isCheck = try await group.next() {
            if isCheck { return }
            throw TestSupportError("run() has returned although it was not cancelled")
        }
    }
}
