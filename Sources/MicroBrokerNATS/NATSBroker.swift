internal import Logging
public import MicroCore
public import MicroNATS
internal import MicroPluginKit
internal import MicroWire
internal import NIOCore
internal import Synchronization

/// Events over NATS, as go-micro's broker sends them: the topic is the subject, and the message is JSON of
/// header and body.
///
/// ```swift
/// let service = try MicroService("greeter", broker: .nats("10.0.0.1:4222", "10.0.0.2:4222")) { … }
/// ```
///
/// ## Delivery
///
/// At most once: publishing returns when the event is in the bounded write buffer, and waits while that is
/// full. While there is no connection events are kept up to a limit, and then refused with `unavailable`,
/// so that nothing that was taken is replaced by what comes later. What was on its way when a connection
/// broke is lost. Where a subscription's queue is full, its oldest event is dropped and counted, and so is
/// an event that is refused or isn't an event.
///
/// At least once, if JetStream is on: publishing returns when a stream has stored the event, and is tried
/// again under the event's id (`Micro-Id`, or a random one), which the stream stores once. Events of a
/// subscription wait at the server until they are acknowledged; one that is refused comes again after a
/// delay, and one that was handed out as often as it may be is reported and counted. While a handler works
/// the server is notified. Subscriptions that share a queue share a durable consumer.
public final class NATSBroker: Broker {
    private struct State {
        var configuration: Configuration
        var isConfigured: Bool
        var parts: Parts?
    }

    private let state: Mutex<State>
    private let clock: any Clock<Duration>
    private let runner = SubscriptionRunner()
    private let jobs: AsyncStream<@Sendable () async -> Void>
    private let continuation: AsyncStream<@Sendable () async -> Void>.Continuation

    /// How long a call waits for the first connection, and a subscription for the server's answer.
    private static let patience = Duration.seconds(5)

    /// Creates a broker.
    ///
    /// - Parameters:
    ///   - configuration: How it behaves; `nil` takes it from the service that uses it.
    ///   - clock: The clock on which JetStream's pauses and time limits pass.
    public init(configuration: Configuration? = nil, clock: any Clock<Duration> = ContinuousClock()) {
        self.clock = clock
        state = Mutex(
            State(configuration: configuration ?? Configuration(), isConfigured: configuration != nil))
        (jobs, continuation) = AsyncStream.makeStream()
    }

    /// The name `nats`.
    public var name: String { "nats" }

    /// At most once; and at least once if JetStream is on.
    public var deliveries: Set<Delivery> {
        state.withLock(\.configuration).jetStream == nil ? [.atMostOnce] : [.atMostOnce, .atLeastOnce]
    }

    /// How many events were given up after they had been handed out as often as they may be.
    public var abandoned: Int { state.withLock(\.parts)?.abandoned.value ?? 0 }

    /// What the connection has done so far.
    public var statistics: NATSStatistics { state.withLock(\.parts)?.client.statistics ?? NATSStatistics() }

    /// Takes the configuration of the service, unless it was given in code.
    ///
    /// - Parameter context: The service's configuration and identity.
    /// - Throws: A `StartError` if a variable can't be used.
    public func prepare(_ context: PluginContext) throws {
        guard !state.withLock(\.isConfigured) else { return }
        let configuration = try Configuration(context: context)
        state.withLock { $0.configuration = configuration }
    }

    /// Sends an event.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - topic: The topic, which becomes the subject.
    /// - Throws: A `MicroError` with the status `invalidArgument` for a topic or an event that can't be sent,
    ///   `unavailable` if there is no connection and no room to wait for one, or the event wasn't stored.
    public func publish(_ event: BrokerEvent, to topic: String) async throws {
        try TopicName.check(topic)
        let parts = try await running()
        let payload = EventEnvelope.encode(event)
        do throws(NATSError) {
            guard let streams = parts.streams else {
                return try await parts.client.publish(payload, to: topic)
            }
            try await streams.publish(ByteBuffer(bytes: payload), to: topic, id: event.header["Micro-Id"])
        } catch {
            throw MicroError(error)
        }
    }

    /// Waits until the server has taken everything that was published before.
    ///
    /// - Throws: A `MicroError` with the status `unavailable` if the server doesn't answer.
    public func flush() async throws {
        let parts = try await running()
        do throws(NATSError) { try await parts.client.flush() } catch { throw MicroError(error) }
    }

    /// Begins to receive the events of a topic; returns when the server knows it.
    ///
    /// - Parameters:
    ///   - options: What to receive, and how.
    ///   - handler: Called for each event.
    /// - Returns: The open subscription.
    /// - Throws: A `StartError` for a delivery that isn't offered, or a `MicroError` with the status
    ///   `unavailable` or `permissionDenied`.
    public func subscribe(
        _ options: SubscriptionOptions,
        handler: EventHandler
    ) async throws -> any BrokerSubscription {
        try options.check(offered: deliveries, by: name)
        let parts = try await running()
        do {
            if options.delivery == .atLeastOnce, let streams = parts.streams {
                let subscription = try await JetStreamSubscription(
                    options, streams: streams, abandoned: parts.abandoned, handler: handler)
                try await runner.start(subscription.queue)
                for job in subscription.jobs { continuation.yield(job) }
                return subscription
            }
            let subscription = CoreSubscription(options, handler: handler)
            try await runner.start(subscription.queue)
            try await subscription.open(parts.client, timeout: Self.patience)
            return subscription
        } catch let error as NATSError {
            throw MicroError(error)
        }
    }

    /// Keeps the connection, and runs the handlers, until the task is cancelled; then what was published is
    /// written.
    ///
    /// - Throws: A `StartError` if every server refuses us, the stream can't be used, or it is run twice.
    public func run() async throws {
        let configuration = state.withLock(\.configuration)
        let client = NATSClient(configuration: configuration.client)
        let parts = Parts(
            client: client,
            streams: configuration.jetStream.map { Streams($0, client: client, clock: clock) })
        state.withLock { $0.parts = $0.parts ?? parts }
        try await withThrowingTaskGroup(of: Void.self) { group in
            // The handlers, until this task is cancelled.
            group.addTask { try await self.runner.run() }
            // The connection; its end follows the cancellation, once what was published is written.
            group.addTask {
                do throws(NATSError) { try await client.run() } catch { throw StartError(error) }
            }
            // Makes the configured stream, and is done then.
            group.addTask { try await parts.streams?.begin() }
            // What JetStream's subscriptions do beside their handlers, each until it is cancelled.
            group.addTask {
                await withDiscardingTaskGroup { jobs in
                    for await job in self.jobs { jobs.addTask { await job() } }
                    jobs.cancelAll()
                }
            }
            defer { group.cancelAll() }
            while try await group.next() != nil {}
        }
    }

    /// Returns what publishes and subscribes, once there has been a connection.
    private func running() async throws(MicroError) -> Parts {
        try await runner.waitUntilRunning()
        guard let parts = state.withLock(\.parts) else {
            throw MicroError(.unavailable, "The NATS broker does not run.", processed: .no)
        }
        if !parts.client.hasEverConnected {
            do throws(NATSError) {
                try await parts.client.waitUntilConnected(timeout: Self.patience)
            } catch {
                throw MicroError(error)
            }
        }
        return parts
    }

    /// What a running broker consists of.
    private struct Parts: Sendable {
        let client: NATSClient
        let streams: Streams?
        let abandoned = Tally()
    }
}

/// A number that any task may raise.
final class Tally: Sendable {
    private let number = Atomic<Int>(0)

    var value: Int { number.load(ordering: .relaxed) }

    func add(_ count: Int = 1) { number.add(count, ordering: .relaxed) }
}

extension Broker where Self == NATSBroker {
    /// The NATS broker, configured by the environment of the service that uses it.
    public static var nats: Self { NATSBroker() }

    /// Returns the NATS broker with a configuration.
    ///
    /// - Parameter configuration: How it behaves.
    /// - Returns: The broker.
    public static func nats(_ configuration: NATSBroker.Configuration) -> Self {
        NATSBroker(configuration: configuration)
    }

    /// Returns the NATS broker on some servers, without credentials.
    ///
    /// - Parameter servers: The servers, as `nats://host:port`, `tls://host:port` or `host:port`.
    /// - Returns: The broker.
    /// - Throws: A `NATSError` for an address that can't be used.
    public static func nats(_ servers: String...) throws(NATSError) -> Self {
        var configuration = NATSBroker.Configuration()
        configuration.client.servers = []
        for server in servers { configuration.client.servers.append(try NATSServer(server)) }
        return NATSBroker(configuration: configuration)
    }
}
