import Logging
public import MicroCore
import MicroHTTP1
import MicroInterfaces
import MicroPluginKit
import MicroTLS
import MicroWire
import Synchronization

/// The embedded broker, which needs no server: subscribers stand in the registry, and events are posted to
/// them over HTTP, in the form of go-micro's HTTP broker.
///
/// It is the default where its product is linked. A broker listens from its first subscription on, at
/// `127.0.0.1` and any free port unless `MICRO_BROKER_ADDRESS` says otherwise; one that only publishes opens no
/// port. See ``Configuration`` for all variables.
///
/// ```swift
/// MicroService("shop", broker: .http(.init(address: .host("10.0.0.7", port: 0), tls: tls))) { … }
/// ```
///
/// ## Delivery
///
/// Publishing returns when every subscriber that the registry tells has answered, which it does once the
/// event is handled: a subscriber that is slow holds its publishers up, and so does one that holds 64 MiB of
/// events, whose further ones are not read before there is room. Of a queue, one member is chosen; one
/// that is gone is passed over for the next.
///
/// - At most once: an event that its handler refuses is dropped and counted. What was surely not received is
///   sent again within ``Configuration/retries``, nothing else.
/// - At least once: an event that its handler refuses, or whose answer is lost, is sent again within the
///   retries, with a growing pause or the one that the subscriber asks for. When they are spent, publishing
///   fails. Nothing is stored: an event is lost together with its publisher, and is not kept for
///   subscribers that come later.
///
/// A subscriber without an answer is told of in a warning, and publishing fails if it asked for at least once,
/// or if there is no other.
public final class HTTPBroker: Broker {
    private struct Setup {
        var configuration: Configuration
        let registry: any Registry
        let client: HTTP1Client
    }

    /// How long publishing waits for the registry's first answer.
    private static let registryPatience = Duration.seconds(5)

    /// The bounds of what a subscriber answers, of which the status alone counts.
    private static var answerLimits: HTTP1Limits {
        var limits = HTTP1Limits()
        limits.maximumBodySize = 64 << 10
        return limits
    }

    private let given: Configuration?
    private let setup = Mutex<Setup?>(nil)
    private let runner = SubscriptionRunner()
    private let receiver = EventReceiver()
    private let receivers: Receivers
    private let clock: any Clock<Duration>

    /// Creates a broker.
    ///
    /// - Parameters:
    ///   - configuration: How it is set up; `nil` takes it from the variables of the service.
    ///   - clock: The clock on which pauses between attempts and between renewals pass.
    public init(configuration: Configuration? = nil, clock: any Clock<Duration> = ContinuousClock()) {
        given = configuration
        self.clock = clock
        receivers = Receivers(clock: clock)
    }

    /// The name `http`.
    public var name: String { "http" }

    /// At most once, and at least once while the publisher lives.
    public var deliveries: Set<Delivery> { [.atMostOnce, .atLeastOnce] }

    /// Reads the configuration of the service, and takes its registry.
    ///
    /// - Parameter context: The service's configuration.
    /// - Throws: A `StartError` that names the variable or file that can't be used, or says that there is no
    ///   registry.
    public func prepare(_ context: PluginContext) throws {
        let configuration = try given ?? Configuration(context: context)
        let tls = try configuration.tls.map { try TLSContext($0, role: .client, alpn: ["http/1.1"]) }
        let new = Setup(
            configuration: configuration, registry: try context.part(.registry),
            client: HTTP1Client(limits: Self.answerLimits, tls: tls))
        setup.withLock { $0 = new }
        SecurityWarning.unverified(configuration.tls, "the subscribers of events")
    }

    /// Posts an event to the topic's subscribers.
    ///
    /// - Parameters:
    ///   - event: The event; its header gets the field `Micro-Topic`.
    ///   - topic: The topic.
    /// - Throws: A `MicroError` with the status `unavailable` if the registry does not answer or a subscriber
    ///   did not take the event (see the type's documentation), or `invalidArgument` for a topic that can't be
    ///   used or an event that is too large.
    public func publish(_ event: BrokerEvent, to topic: String) async throws {
        try TopicName.check(topic)
        try await runner.waitUntilRunning()
        let setup = try prepared()
        var event = event
        event.topic = topic
        event.header["Micro-Topic"] = topic
        let envelope = EventEnvelope.encode(event)
        let limit = setup.configuration.maximumEventSize
        guard envelope.count <= limit else {
            throw MicroError(
                .invalidArgument,
                "The event has \(envelope.count) bytes in its envelope, and may have \(limit). Raise "
                    + "MICRO_BROKER_MAX_EVENT_SIZE here and at its subscribers.", processed: .no)
        }
        let groups = try await receivers.choose(topic: topic, within: Self.registryPatience)
        guard !groups.isEmpty else { return }
        let sender = EventSender(
            client: setup.client, receivers: receivers, configuration: setup.configuration,
            clock: clock)
        try await sender.send(envelope, topic: topic, to: groups)
    }

    /// Returns how many receivers the registry knows for a topic; subscriptions that share a queue are one.
    public func receiverCount(of topic: String) async throws -> Int? {
        try await runner.waitUntilRunning()
        return try await receivers.choose(topic: topic, within: Self.registryPatience).count
    }

    /// Begins to receive the events of a topic.
    ///
    /// - Parameters:
    ///   - options: What to receive, and how.
    ///   - handler: Called for each event; its answer is what the publisher gets.
    /// - Returns: The open subscription.
    /// - Throws: A `StartError` if the address can't be bound, or a `MicroError` with the status `unavailable`
    ///   if the registry can't be reached, or `invalidArgument` for names that can't be used.
    public func subscribe(
        _ options: SubscriptionOptions,
        handler: EventHandler
    ) async throws -> any BrokerSubscription {
        try options.check(offered: deliveries, by: name)
        guard options.queue != BrokerRecord.broadcast else {
            throw MicroError(
                .invalidArgument, "The queue \"\(BrokerRecord.broadcast)\" stands for no queue.")
        }
        try await runner.waitUntilRunning()
        let setup = try prepared()
        let bound = try await receiver.address(setup.configuration)
        let subscription = HTTPSubscription(
            options, id: BrokerRecord.newID(topic: options.topic),
            address: { AdvertisedAddress(setup.configuration.advertise, boundTo: bound).text },
            isSecure: setup.configuration.tls != nil, registry: setup.registry, handler: handler
        ) { [receiver] id in receiver.remove(id: id) }
        try await runner.start(subscription.queue)
        receiver.add(subscription)
        do {
            try await subscription.register()
        } catch {
            await subscription.cancel(deadline: .now)
            throw error
        }
        return subscription
    }

    /// Runs the handlers, keeps the subscriptions in the registry, and follows those of others, until the
    /// task is cancelled.
    ///
    /// - Throws: A `StartError` if it is run twice, or was not prepared.
    public func run() async throws {
        let setup = try prepared()
        try await withThrowingDiscardingTaskGroup { group in
            // Both work beside the handlers until the task, and with it the runner below, is cancelled.
            group.addTask { await self.renew() }
            group.addTask { await self.receivers.run(setup.registry) }
            defer { group.cancelAll() }
            try await runner.run()
        }
        setup.client.shutdown()
        await receiver.end()
    }

    private func prepared() throws(StartError) -> Setup {
        guard let setup = setup.withLock({ $0 }) else {
            throw StartError(.invalidConfiguration, "The HTTP broker was used before it was prepared.")
        }
        return setup
    }

    /// Repeats the registrations: every interval, and those whose address has changed when the machine's have.
    private func renew() async {
        let age = Stopwatch(clock)
        var due = BrokerRecord.interval
        while true {
            let change = NetworkMonitor.shared.nextChange
            let isDue = due <= age.elapsed
            if isDue { due = age.elapsed + BrokerRecord.interval }
            for subscription in receiver.subscriptions {
                guard isDue || subscription.hasMoved else { continue }
                do {
                    try await subscription.register()
                } catch {
                    guard !Task.isCancelled else { return }
                    Logger.current.warning(
                        "A subscription could not be renewed in the registry; this is tried again.",
                        metadata: [
                            LogKeys.topic: "\(subscription.options.topic)", LogKeys.error: "\(error)",
                        ])
                }
            }
            _ = await change.wait(for: due - age.elapsed, clock: clock)
            guard !Task.isCancelled else { return }
        }
    }
}

extension HTTPBroker.Configuration {
    /// The bounds of what publishers send.
    var limits: HTTP1Limits {
        var limits = HTTP1Limits()
        limits.maximumBodySize = maximumEventSize
        return limits
    }
}

extension Broker where Self == HTTPBroker {
    /// The embedded broker, set up by the variables of the service.
    public static var http: HTTPBroker { HTTPBroker() }

    /// Returns the embedded broker.
    ///
    /// - Parameter configuration: How it is set up.
    /// - Returns: The broker.
    public static func http(_ configuration: HTTPBroker.Configuration) -> HTTPBroker {
        HTTPBroker(configuration: configuration)
    }
}
