import MicroTestSupport

/// Waits until something is true.
package func eventually(
    _ what: String, within limit: Duration = .seconds(20), _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < end else { throw TestSupportError("Waited in vain: \(what)") }
        try await Task.sleep(for: .milliseconds(20))
    }
}
