/// Waits until something is there, looking for it again and again, at least fifty times a second.
///
/// - Parameters:
///   - what: What is waited for, for the error.
///   - limit: How long to wait before giving up. It is for tests that fail, and far more than is ever needed.
///   - look: Returns what is waited for, or `nil` as long as it isn't there.
/// - Returns: What was found.
/// - Throws: A ``TestSupportError`` when the time is up, a `CancellationError` when the task is cancelled, and what
///   the closure throws.
public func eventually<Value>(
    _ what: String, within limit: Duration = .seconds(60), _ look: () async throws -> Value?
) async throws -> Value {
    let clock = ContinuousClock()
    let end = clock.now + limit
    var pause = Duration.milliseconds(1)
    while true {
        if let value = try await look() { return value }
        guard clock.now < end else { throw TestSupportError("Waited in vain: \(what), not within \(limit)") }
        try await clock.sleep(for: pause)
        pause = min(pause * 2, .milliseconds(20))
    }
}

/// Waits until a condition holds, asking again and again, at least fifty times a second.
///
/// - Parameters:
///   - what: What is waited for, for the error.
///   - limit: How long to wait before giving up. It is for tests that fail, and far more than is ever needed.
///   - condition: Whether it is so.
/// - Throws: A ``TestSupportError`` when the time is up, a `CancellationError` when the task is cancelled, and what
///   the closure throws.
public func eventually(
    _ what: String, within limit: Duration = .seconds(60), _ condition: () async throws -> Bool
) async throws {
    let _: Void = try await eventually(what, within: limit) { try await condition() ? () : nil }
}
