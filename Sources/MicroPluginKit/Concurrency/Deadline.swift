/// Does some work, and cancels it when a deadline has passed.
///
/// It returns when the work has ended: work that does not heed its cancellation is waited for.
///
/// - Parameters:
///   - deadline: The deadline.
///   - work: The work. It runs in a child task, which stays on the caller's executor if that is preferred.
/// - Returns: What the work returned, also if that was just too late; `nil` if it failed after the deadline.
/// - Throws: What the work threw before the deadline, or since the calling task was cancelled.
public func withDeadline<Value: Sendable, Failure: Error>(
    _ deadline: ContinuousClock.Instant,
    _ work: @escaping @Sendable () async throws(Failure) -> Value
) async throws(Failure) -> Value? {
    try await withAlarm(work) { try? await Task.sleep(until: deadline, clock: .continuous) }
}

/// Does some work, and cancels it when a time limit is over.
///
/// - Parameters:
///   - limit: How long it may take.
///   - clock: The clock on which that time passes.
///   - work: The work; see ``withDeadline(_:_:)``.
/// - Returns: What the work returned, also if that was just too late; `nil` if it failed after the limit.
/// - Throws: What the work threw within the limit, or since the calling task was cancelled.
public func withTimeLimit<Value: Sendable, Failure: Error>(
    _ limit: Duration, clock: any Clock<Duration> = ContinuousClock(),
    _ work: @escaping @Sendable () async throws(Failure) -> Value
) async throws(Failure) -> Value? {
    try await withAlarm(work) { try? await clock.sleep(for: limit) }
}

/// Does some work, and cancels it when something else has ended.
private func withAlarm<Value: Sendable, Failure: Error>(
    _ work: @escaping @Sendable () async throws(Failure) -> Value,
    alarm: @escaping @Sendable () async -> Void
) async throws(Failure) -> Value? {
    let result = await withTaskGroup(of: Result<Value, Failure>?.self) { group -> Result<Value, Failure>? in
        // The work, and the time beside it: whichever ends first has the other one cancelled.
        group.addTask {
            do throws(Failure) {
                return .success(try await work())
            } catch {
                return .failure(error)
            }
        }
        group.addTask {
            await alarm()
            return nil
        }
        let first = await group.next() ?? nil
        group.cancelAll()
        if let first { return first }
        let last = await group.next() ?? nil
        // What fails now failed because it was cancelled: by the deadline, unless the caller was.
        if case .failure? = last, !Task.isCancelled { return nil }
        return last
    }
    return try result?.get()
}
