public import MicroCore

extension Registry {
    /// Deregisters a service, but does not wait for a registry that doesn't answer: for those who end.
    ///
    /// - Parameters:
    ///   - record: The record.
    ///   - limit: How long to wait.
    /// - Throws: What the registry threw, or a ``MicroError`` with the status `deadlineExceeded` if it did not
    ///   answer in time.
    public func deregister(_ record: ServiceRecord, within limit: Duration) async throws {
        let isLate: Bool = try await withThrowingTaskGroup(of: Bool.self) { group in
            // The registry's answer, and the time limit: whichever ends first has the other one cancelled.
            group.addTask {
                try await deregister(record)
                return true
            }
            group.addTask {
                try? await Task.sleep(for: limit)
                return false
            }
            defer { group.cancelAll() }
            if try await group.next() == true { return false }
            group.cancelAll()
            // The registry may have been told nevertheless.
            do { return try await group.next() != true } catch is CancellationError { return true }
        }
        guard isLate else { return }
        try Task.checkCancellation()
        throw MicroError(.deadlineExceeded, "The registry did not answer within \(limit).")
    }
}
