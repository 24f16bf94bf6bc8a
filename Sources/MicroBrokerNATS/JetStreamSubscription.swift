internal import Logging
internal import MicroCore
internal import MicroNATS
internal import MicroPluginKit
internal import NIOCore
internal import Synchronization

/// A subscription of JetStream: events are fetched as there is room for them, and wait at the server until
/// they are acknowledged.
final class JetStreamSubscription: BrokerSubscription {
    /// How many events are fetched at once at most.
    private static let largestFetch = 256

    /// After how long without its process a consumer without a name is forgotten.
    private static let inactiveThreshold = Duration.seconds(300)

    let queue: SubscriptionQueue<JetStreamMessage>

    private let options: SubscriptionOptions
    private let streams: Streams
    private let stream: String

    /// When the stream was made, which tells it from a later one of its name.
    private let created: String?
    private let consumer: ConsumerConfiguration

    /// Whether nobody else in the process may read the consumer.
    private let isClaimed: Bool
    private let held: UnackedMessages
    private let abandoned: Tally
    private let advisories: NATSSubscription
    private let isCancelled = Mutex(false)
    private let fetching: AsyncStream<Never>
    private let stopFetching: AsyncStream<Never>.Continuation

    /// Makes the consumer of a subscription.
    init(
        _ options: SubscriptionOptions, streams: Streams, abandoned: Tally,
        handler: EventHandler
    ) async throws {
        self.options = options
        self.streams = streams
        self.abandoned = abandoned
        (fetching, stopFetching) = AsyncStream.makeStream()
        let stream = try await streams.ensure(options.topic)
        self.stream = stream
        let owner = Self.owner(options, streams.options)
        var consumer = Self.consumer(options, streams.options, owner)
        isClaimed = if case .durable = owner { true } else { false }
        if isClaimed, !streams.claim(consumer.durableName) {
            throw StartError(
                .invalidConfiguration,
                "Two subscriptions of \"\(options.topic)\" without a queue would share the durable name of "
                    + "MICRO_BROKER_DURABLE, and each get a part of the events. Give each a queue.")
        }
        do throws(NATSError) {
            if let start = try await streams.startBehindFormer(consumer, of: stream, for: owner) {
                consumer.start = start
            }
            created = try await streams.jetStream.stream(stream)?.created
            try await streams.jetStream.ensureConsumer(consumer, of: stream)
            advisories = try await streams.jetStream.client.subscribe(
                to: "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.\(stream).\(consumer.durableName)",
                queue: "micro")
        } catch {
            if isClaimed { streams.release(consumer.durableName) }
            throw error
        }
        self.consumer = consumer
        let held = UnackedMessages()
        self.held = held
        let acknowledger = Acknowledger(held: held, abandoned: abandoned, options: streams.options)
        queue = SubscriptionQueue(
            options, size: { $0.message.payloadLength }, discard: { held.release($0) }
        ) { message in
            await acknowledger.handle(message, handler)
        }
    }

    /// The work beside the handlers, until the subscription is cancelled.
    var jobs: [@Sendable () async -> Void] {
        [
            { await self.untilCancelled { await self.fetch() } },
            { await self.untilCancelled { await self.showWork() } },
            { await self.watchAbandoned() },
        ]
    }

    var dropped: Int { queue.dropped }

    func cancel(deadline: ContinuousClock.Instant) async {
        let isFirst = isCancelled.withLock { isCancelled in
            defer { isCancelled = true }
            return !isCancelled
        }
        stopFetching.finish()
        await queue.drain(deadline: deadline)
        await advisories.unsubscribe()
        await held.refuseAll()
        if isFirst, isClaimed { streams.release(consumer.durableName) }
        guard isFirst, consumer.inactiveThreshold != nil else { return }
        // Nobody else knows this consumer; if it can't be removed now, the server forgets it soon.
        try? await streams.jetStream.deleteConsumer(consumer.durableName, of: stream)
    }

    private static func owner(
        _ options: SubscriptionOptions, _ settings: NATSBroker.JetStreamOptions
    ) -> JetStreamNames.Owner {
        if let queue = options.queue { return .queue(queue) }
        return settings.durableName.map { .durable($0) } ?? .process(.random(in: .min ... .max))
    }

    private static func consumer(
        _ options: SubscriptionOptions, _ settings: NATSBroker.JetStreamOptions,
        _ owner: JetStreamNames.Owner
    ) -> ConsumerConfiguration {
        var consumer = ConsumerConfiguration(
            durableName: JetStreamNames.consumer(of: options.topic, for: owner),
            filterSubject: options.topic, start: settings.startsWithAll ? .all : .new)
        consumer.ackWait = settings.ackWait
        consumer.maximumDeliveries = settings.maximumDeliveries
        if case .process = owner { consumer.inactiveThreshold = inactiveThreshold }
        return consumer
    }

    /// Does something until the subscription is cancelled.
    private func untilCancelled(_ body: @escaping @Sendable () async -> Void) async {
        await withTaskGroup { group in
            group.addTask { await body() }
            // Ends when the subscription is cancelled, and the body with it.
            group.addTask { for await _ in self.fetching {} }
            await group.next()
            group.cancelAll()
        }
    }
}

// MARK: - Beside the handlers

extension JetStreamSubscription {
    private var metadata: Logger.Metadata {
        [
            "messaging.destination.name": "\(options.topic)", "micro.nats.stream": "\(stream)",
            "micro.nats.consumer": "\(consumer.durableName)",
        ]
    }

    /// Fetches events as there is room for them, and makes the consumer again if it is lost.
    private func fetch() async {
        var (consumer, created) = (consumer, created)
        while !Task.isCancelled {
            do {
                try await fetchFrom(&consumer)
                return
            } catch {
                guard !Task.isCancelled, !isCancelled.withLock({ $0 }) else { return }
                Logger.current.warning(
                    "A JetStream subscription is interrupted; it is made again.",
                    metadata: metadata.merging(["error.message": "\(error)"]) { $1 })
            }
            do {
                try await streams.jetStream.clock.sleep(for: .seconds(1))
                try await remake(&consumer, created: &created)
            } catch {
                // The next round says what is wrong, if it still is.
                continue
            }
        }
    }

    /// Makes the consumer again, and its stream, if somebody has deleted them.
    private func remake(
        _ consumer: inout ConsumerConfiguration, created: inout String?
    ) async throws(NATSError) {
        streams.forget(options.topic)
        let holder = try await streams.ensure(options.topic)
        guard holder == stream else {
            throw NATSError(
                .jetStream,
                "The events of \(options.topic) are kept by the stream \(holder) now, no longer by \(stream). Begin "
                    + "the subscription anew.")
        }
        let moment = try await streams.jetStream.stream(stream)?.created
        // The numbers of a stream that was made anew are others, and all that it has came since.
        if moment != created { consumer.start = .all }
        created = moment
        try await streams.jetStream.ensureConsumer(consumer, of: stream)
    }

    private func fetchFrom(_ consumer: inout ConsumerConfiguration) async throws(NATSError) {
        let capacity = min(options.bufferSize, Self.largestFetch)
        let puller = try await JetStreamPuller(
            streams.jetStream, stream: stream, consumer: consumer.durableName)
        let result: Result<Void, NATSError>
        do throws(NATSError) {
            while let message = try await puller.next(asking: max(1, capacity - held.count)) {
                // A consumer that must be made again goes on behind what came last.
                consumer.start = .sequence(message.streamSequence + 1)
                held.hold(message)
                guard await queue.submit(message) else {
                    await held.refuseAll()
                    break
                }
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await puller.stop()
        try result.get()
    }

    /// Tells the server in time that the events which it has handed out are being worked on.
    private func showWork() async {
        let interval = max(streams.options.ackWait / 3, .milliseconds(20))
        while !Task.isCancelled {
            // Only cancellation ends the sleep early.
            try? await streams.jetStream.clock.sleep(for: interval)
            guard !Task.isCancelled else { return }
            await held.showWork()
        }
    }

    /// Reports events that the server has given up.
    private func watchAbandoned() async {
        do {
            for try await _ in advisories {
                abandoned.add()
                Logger.current.warning(
                    "An event was handed out as often as it may be without being acknowledged, and is given up.",
                    metadata: metadata)
            }
        } catch {
            Logger.current.warning(
                "Events that are given up can't be reported.",
                metadata: metadata.merging(["error.message": "\(error)"]) { $1 })
        }
    }
}
