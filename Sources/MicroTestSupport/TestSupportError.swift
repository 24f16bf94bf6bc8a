/// A reason why a test's surroundings can't be set up.
public struct TestSupportError: Error, CustomStringConvertible {
    /// What is wrong and what to do.
    public var description: String

    /// Creates an error.
    ///
    /// - Parameter description: What is wrong and what to do.
    public init(_ description: String) {
        self.description = description
    }
}
