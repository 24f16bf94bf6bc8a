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
        let answer: Void? = try await withTimeLimit(limit) { try await deregister(record) }
        guard answer == nil else { return }
        throw MicroError(.deadlineExceeded, "The registry did not answer within \(limit).")
    }
}
