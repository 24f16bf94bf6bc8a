/// The promises that a plugin has not kept.
///
/// A conformance suite goes on after a broken promise and throws one of these at its end, so a test
/// shows all that is to be done:
///
/// ```swift
/// @Test func keepsThePromisesOfARegistry() async throws {
///     try await RegistryConformance { MyRegistry() }.run()
/// }
/// ```
public struct ConformanceFailure: Error, Sendable {
    /// What was checked: `registry`, `transport`, `codec`.
    public let subject: String

    /// One sentence for each broken promise.
    public let violations: [String]
}

extension ConformanceFailure: CustomStringConvertible {
    /// The broken promises, one a line.
    public var description: String {
        let count = violations.count == 1 ? "1 promise" : "\(violations.count) promises"
        return "The \(subject) breaks \(count):\n" + violations.map { "- \($0)" }.joined(separator: "\n")
    }
}
