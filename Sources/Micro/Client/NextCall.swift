/// The rest of an outgoing call, as ``ClientMiddleware`` is given it.
///
/// It runs the caller's closure where that closure belongs, so it isn't `Sendable`: it is called in the task of
/// the middleware.
public struct NextCall<Answer> {
    @usableFromInline let body: (OutgoingCall) async throws -> Answer

    /// Creates the rest of a call.
    ///
    /// - Parameter body: Makes the call.
    @inlinable public init(_ body: @escaping (OutgoingCall) async throws -> Answer) { self.body = body }

    /// Makes the call.
    ///
    /// - Parameter call: The call, perhaps with other metadata or another deadline.
    /// - Returns: What came out, for the middleware to return.
    /// - Throws: Why the call failed.
    @inlinable public func callAsFunction(_ call: OutgoingCall) async throws -> Answer {
        try await body(call)
    }
}
