/// Who makes a call, as far as that was verified.
///
/// A caller with a certificate is one from the start; middleware that verifies something else, such as a token, sets
/// it:
///
/// ```swift
/// struct RequireToken: ServerMiddleware {
///     func handle<Answer>(
///         _ context: RequestContext, next: Next<Answer>
///     ) async throws -> Answer {
///         guard context.metadata["authorization"] == "Bearer 42" else {
///             throw MicroError(.unauthenticated, "The token is missing or wrong.")
///         }
///         context.principal = Principal("jane", verifiedBy: "token", attributes: ["scope": "read"])
///         return try await next()
///     }
/// }
/// ```
public struct Principal: Hashable, Sendable {
    /// How somebody has proved who they are.
    public struct Verification: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral {
        /// The name of the way.
        public let rawValue: String

        /// Creates a way of a name.
        ///
        /// - Parameter rawValue: The name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// Creates a way of a name.
        public init(stringLiteral value: String) { rawValue = value }

        /// By a certificate that TLS has verified.
        public static var certificate: Self { "certificate" }
    }

    /// The name by which the caller is known: an account, a service, a subject.
    public var name: String

    /// How that was verified.
    public var verification: Verification

    /// All names that were verified, such as the DNS names and URIs of a certificate.
    public var identities: [String]

    /// What else is known for certain, such as the claims of a token.
    public var attributes: [String: String]

    /// Creates a principal.
    ///
    /// - Parameters:
    ///   - name: The name by which the caller is known.
    ///   - verification: How that was verified.
    ///   - identities: All names that were verified; `name` alone if `nil`.
    ///   - attributes: What else is known for certain.
    public init(
        _ name: String, verifiedBy verification: Verification, identities: [String]? = nil,
        attributes: [String: String] = [:]
    ) {
        self.name = name
        self.verification = verification
        self.identities = identities ?? [name]
        self.attributes = attributes
    }
}
