/// Code that runs around what a service or client does, by kind: one value for all that belongs together.
///
/// ```swift
/// extension Middleware {
///     /// Reads the tenant of calls and events, and sends it on.
///     static var tenants: Self {
///         Middleware(server: [ReadTenant()], client: [AddTenant()], publisher: [StampEvents()])
///     }
/// }
///
/// MicroService("greeter", middleware: [.tenants, .server(RequireToken().only("Greeter.Hello"))]) { … }
/// ```
///
/// Of each kind, the first middleware of a service is the outermost. A client uses the kinds `client` and `publisher`,
/// and leaves the others.
public struct Middleware: Sendable {
    /// What runs around calls that arrive; not around those of internal endpoints, such as health.
    public var server: [any ServerMiddleware]

    /// What runs around handlers and sees decoded messages, inside `server`.
    public var messages: [any ServerMessageMiddleware]

    /// What runs around calls that are made.
    public var client: [any ClientMiddleware]

    /// What runs around events that arrive.
    public var subscriber: [any SubscriberMiddleware]

    /// What runs around events that are published.
    public var publisher: [any PublisherMiddleware]

    /// Creates middleware of several kinds.
    ///
    /// - Parameters:
    ///   - server: What runs around calls that arrive.
    ///   - messages: What runs around handlers and sees decoded messages.
    ///   - client: What runs around calls that are made.
    ///   - subscriber: What runs around events that arrive.
    ///   - publisher: What runs around events that are published.
    public init(
        server: [any ServerMiddleware] = [], messages: [any ServerMessageMiddleware] = [],
        client: [any ClientMiddleware] = [], subscriber: [any SubscriberMiddleware] = [],
        publisher: [any PublisherMiddleware] = []
    ) {
        self.server = server
        self.messages = messages
        self.client = client
        self.subscriber = subscriber
        self.publisher = publisher
    }

    /// Joins middleware, in its order.
    init(joining all: [Middleware]) {
        self.init()
        for middleware in all { append(middleware) }
    }

    /// Adds middleware inside of this.
    mutating func append(_ other: Middleware) {
        server += other.server
        messages += other.messages
        client += other.client
        subscriber += other.subscriber
        publisher += other.publisher
    }

    /// Returns what runs around calls that arrive.
    ///
    /// - Parameter middleware: The middleware.
    /// - Returns: The middleware as a value for services.
    public static func server(_ middleware: some ServerMiddleware) -> Self { Self(server: [middleware]) }

    /// Returns what runs around handlers and sees decoded messages.
    ///
    /// - Parameter middleware: The middleware.
    /// - Returns: The middleware as a value for services.
    public static func messages(_ middleware: some ServerMessageMiddleware) -> Self {
        Self(messages: [middleware])
    }

    /// Returns what runs around calls that are made.
    ///
    /// - Parameter middleware: The middleware.
    /// - Returns: The middleware as a value for services and clients.
    public static func client(_ middleware: some ClientMiddleware) -> Self { Self(client: [middleware]) }

    /// Returns what runs around events that arrive.
    ///
    /// - Parameter middleware: The middleware.
    /// - Returns: The middleware as a value for services.
    public static func subscriber(_ middleware: some SubscriberMiddleware) -> Self {
        Self(subscriber: [middleware])
    }

    /// Returns what runs around events that are published.
    ///
    /// - Parameter middleware: The middleware.
    /// - Returns: The middleware as a value for services and clients.
    public static func publisher(_ middleware: some PublisherMiddleware) -> Self {
        Self(publisher: [middleware])
    }
}
