/// The key of a value that goes with a call or an event from middleware to handler.
///
/// ```swift
/// enum TenantKey: ContextKey { typealias Value = String }
///
/// extension RequestContext {
///     var tenant: String? {
///         get { self[TenantKey.self] }
///         set { self[TenantKey.self] = newValue }
///     }
/// }
/// ```
///
/// Values stay in the service: what is to travel to others goes into metadata.
public protocol ContextKey {
    /// The type of the value.
    associatedtype Value: Sendable
}
