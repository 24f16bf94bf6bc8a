internal import Logging
internal import MicroCore
internal import MicroNATS
internal import NIOCore
internal import Synchronization

/// The streams that keep the events of topics.
final class Streams: Sendable {
    let options: NATSBroker.JetStreamOptions
    let jetStream: JetStream

    /// The streams that are known to hold a topic.
    private let known = Mutex<[String: String]>([:])

    /// The consumers of this process that one subscription alone may read.
    private let claimed = Mutex<Set<String>>([])

    /// The most topics whose streams are remembered.
    private static let maximumKnown = 10_000

    init(_ options: NATSBroker.JetStreamOptions, client: NATSClient, clock: any Clock<Duration>) {
        self.options = options
        jetStream = JetStream(client, domain: options.domain, clock: clock)
    }

    /// Sees to the configured stream at start.
    ///
    /// - Throws: A `StartError` if it can't be used.
    func begin() async throws {
        guard let name = options.stream, !options.subjects.isEmpty else { return }
        do throws(NATSError) {
            try await untilConnected()
            try await jetStream.ensureStream(configuration(name, options.subjects))
        } catch {
            guard error.code != .cancelled, error.code != .closed else { return }
            throw StartError(error)
        }
    }

    /// Waits for the first connection, for as long as it takes.
    private func untilConnected() async throws(NATSError) {
        while true {
            do throws(NATSError) {
                return try await jetStream.client.waitUntilConnected(timeout: .seconds(60))
            } catch {
                guard error.code == .timeout else { throw error }
            }
        }
    }

    /// Claims a consumer for one subscription of this process.
    ///
    /// - Returns: Whether no other one has it.
    func claim(_ consumer: String) -> Bool { claimed.withLock { $0.insert(consumer).inserted } }

    /// Gives a claimed consumer up.
    func release(_ consumer: String) { claimed.withLock { _ = $0.remove(consumer) } }

    /// Publishes an event, and waits until it is stored.
    func publish(_ payload: ByteBuffer, to topic: String, id: String?) async throws(NATSError) {
        let id = id.flatMap { $0.isEmpty ? nil : $0 }
        do throws(NATSError) {
            try await store(payload, to: topic, id: id)
        } catch {
            // Nobody keeps the topic's events any more: somebody has deleted its stream.
            guard error.code == .noResponders, forget(topic) else { throw error }
            try await store(payload, to: topic, id: id)
        }
    }

    private func store(_ payload: ByteBuffer, to topic: String, id: String?) async throws(NATSError) {
        try await ensure(topic)
        let ack = try await jetStream.publish(
            payload, to: topic, messageID: id, within: options.publishTimeout)
        known.withLock { $0[topic] = ack.stream }
    }

    /// Asks the server anew which stream holds a topic, before it is used the next time.
    ///
    /// - Returns: Whether one was known.
    @discardableResult
    func forget(_ topic: String) -> Bool { known.withLock { $0.removeValue(forKey: topic) != nil } }

    /// Returns the stream that holds a topic, which is made if there is none.
    @discardableResult
    func ensure(_ topic: String) async throws(NATSError) -> String {
        if let stream = known.withLock({ $0[topic] }) { return stream }
        let stream = try await find(topic)
        known.withLock { known in
            if known.count >= Self.maximumKnown { known = [:] }
            known[topic] = stream
        }
        return stream
    }

    private func find(_ topic: String) async throws(NATSError) -> String {
        if let name = options.stream {
            try await jetStream.ensureStream(
                configuration(name, options.subjects.isEmpty ? [topic] : options.subjects))
        }
        let names = try await jetStream.streams(holding: topic)
        if let configured = options.stream {
            if names.contains(configured) { return configured }
            throw NATSError(
                .jetStream,
                "The stream \(configured) doesn't hold \(topic). Add it to the stream's subjects "
                    + "(MICRO_BROKER_STREAM_SUBJECTS), or remove MICRO_BROKER_STREAM.")
        }
        if let name = names.first { return name }
        return try await jetStream.createStream(configuration(JetStreamNames.stream(topic), [topic])).config
            .name
    }

    /// Returns where a consumer begins that takes the place of one which an earlier version made under
    /// another name: behind what was acknowledged there.
    ///
    /// - Returns: The beginning; `nil` if the consumer is there already, or there is no former one.
    func startBehindFormer(
        _ consumer: ConsumerConfiguration, of stream: String, for owner: JetStreamNames.Owner
    ) async throws(NATSError) -> ConsumerConfiguration.Start? {
        guard let topic = consumer.filterSubject,
            let name = JetStreamNames.formerConsumer(of: topic, for: owner), NATSSubject.isToken(name),
            try await jetStream.consumer(consumer.durableName, of: stream) == nil,
            let former = try await jetStream.consumer(name, of: stream), former.filterSubjects == [topic],
            former.acknowledgedSequence < .max
        else { return nil }
        Logger.current.notice(
            "A JetStream consumer takes the place of one that an earlier version made, which can be removed now.",
            metadata: [
                "micro.nats.stream": "\(stream)", "micro.nats.consumer": "\(consumer.durableName)",
                "micro.nats.former_consumer": "\(name)",
            ])
        return .sequence(former.acknowledgedSequence + 1)
    }

    private func configuration(_ name: String, _ subjects: [String]) -> StreamConfiguration {
        StreamConfiguration(
            name: name, subjects: subjects, storage: options.storage, replicas: options.replicas)
    }
}
