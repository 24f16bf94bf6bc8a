public import InMemoryLogging
public import Micro
public import MicroCore

/// What a test has of a service that runs within the process.
///
/// It calls the service's endpoints by their names. For generated clients, streams and calls of other services there is
/// ``microClient``:
///
/// ```swift
/// try await service.test { client in
///     let greeter = Greeter_Greeter.Client(client.microClient, service: "greeter")
///     let reply = try await greeter.hello(.with { $0.name = "John" })
/// }
/// ```
public struct TestClient: Sendable {
    /// A client of all services of the test, without middleware.
    public let microClient: MicroClient

    /// The service.
    public let service: RunningService

    let bench: TestBench

    /// The events that the services of the test and this client have published.
    public var events: PublishedEvents { bench.events }

    /// What goes wrong in the test, on purpose.
    public var faults: Faults { bench.faults }

    /// What the services of the test have logged so far, at every level.
    public var log: [InMemoryLogHandler.Entry] { bench.log.entries }

    /// Calls an endpoint with one message each way.
    ///
    /// - Parameters:
    ///   - endpoint: The endpoint, `Type.Method`.
    ///   - request: The request.
    ///   - reply: The type of the reply.
    ///   - options: How the call is made.
    /// - Returns: The reply.
    /// - Throws: The error that the service answered with.
    public func call<Request: Codable & Sendable, Reply: Codable & Sendable>(
        _ endpoint: String, _ request: Request, returning reply: Reply.Type,
        options: CallOptions = CallOptions()
    ) async throws(MicroError) -> Reply {
        try await microClient.call(
            service.identity.name, endpoint, request, returning: reply, options: options)
    }

    /// Calls an endpoint with one message each way, as bytes.
    ///
    /// ```swift
    /// try await greeter.test { client in
    ///     let reply = try await client.call("Greeter.Hello", bytes: Array(#"{"name":"John"}"#.utf8))
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - endpoint: The endpoint, `Type.Method`.
    ///   - bytes: The encoded request.
    ///   - contentSubtype: How it is encoded.
    ///   - options: How the call is made; its content subtype does not count.
    /// - Returns: The reply, with its metadata.
    /// - Throws: The error that the service answered with.
    public func call(
        _ endpoint: String, bytes: [UInt8], contentSubtype: String = "json",
        options: CallOptions = CallOptions()
    ) async throws(MicroError) -> UnaryReply {
        try await microClient.callRaw(
            service.identity.name, endpoint, message: EncodedMessage(bytes), contentSubtype: contentSubtype,
            options: options)
    }

    /// Returns the next event of a topic that this has not returned yet; waits for it.
    ///
    /// - Parameters:
    ///   - topic: The topic.
    ///   - type: The type of the event.
    ///   - limit: How long to wait.
    /// - Returns: The event.
    /// - Throws: A ``MicroError`` with the status `deadlineExceeded` if none is published in time, or
    ///   `invalidArgument` if it is none of the type.
    public func nextEvent<Event: Sendable>(
        _ topic: String, as type: Event.Type, within limit: Duration = .seconds(30)
    ) async throws(MicroError) -> Event {
        let event = try await bench.events.next(topic, within: limit)
        return try await microClient.decode(event, as: type)
    }
}

extension TestClient: EventPublisher {
    /// Publishes an event of any type that a linked codec can encode.
    public func publish<Event: Sendable>(
        topic: String, value: Event, options: PublishOptions
    ) async throws(MicroError) {
        try await microClient.publish(topic: topic, value: value, options: options)
    }
}
