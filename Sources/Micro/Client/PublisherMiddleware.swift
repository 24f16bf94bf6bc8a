public import MicroCore

/// Code that runs around the events that a service or client publishes: it can refuse, measure or change them.
///
/// ```swift
/// struct StampEvents: PublisherMiddleware {
///     func handle(_ event: OutgoingEvent, next: NextEvent) async throws {
///         var event = event
///         event.metadata["tenant"] = Tenant.current
///         try await next(event)
///     }
/// }
/// ```
///
/// The first middleware is the outermost.
public protocol PublisherMiddleware: Sendable {
    /// Runs around the publication of one event.
    ///
    /// - Parameters:
    ///   - event: The event that is about to be published.
    ///   - next: Publishes it, and returns when the broker says so.
    /// - Throws: What `next` threw, or another error.
    func handle(_ event: OutgoingEvent, next: NextEvent) async throws
}

/// An event that is about to be published.
public struct OutgoingEvent: Sendable {
    /// The topic.
    public var topic: String

    /// The encoded event.
    public var body: EncodedMessage

    /// How it is encoded, such as `application/json`.
    public var contentType: String

    /// What is sent along in the event's header.
    public var metadata: Metadata

    /// The event's id, if it has one.
    public var messageID: String?
}

/// The rest of a publication, as ``PublisherMiddleware`` is given it.
public struct NextEvent: Sendable {
    private let body: @Sendable (OutgoingEvent) async throws -> Void

    /// Creates the rest of a publication.
    ///
    /// - Parameter body: Publishes the event.
    public init(_ body: @escaping @Sendable (OutgoingEvent) async throws -> Void) { self.body = body }

    /// Publishes the event.
    ///
    /// - Parameter event: The event, perhaps with other metadata.
    /// - Throws: Why it could not be published.
    public func callAsFunction(_ event: OutgoingEvent) async throws { try await body(event) }
}
