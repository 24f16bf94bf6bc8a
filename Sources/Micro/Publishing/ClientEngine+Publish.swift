import MicroCore
import Tracing

extension ClientEngine {
    /// Encodes an event as the first linked codec can, or as it is asked for.
    func encode<Event: Sendable>(
        _ event: Event, _ subtype: String?
    ) throws(MicroError) -> (message: EncodedMessage, subtype: String) {
        for subtype in subtype.map({ [$0.lowercased()] }) ?? codecs.subtypes {
            guard let coder = codecs.coder(for: Event.self, subtype: subtype) else { continue }
            do {
                return (try coder.encode(event), subtype)
            } catch {
                throw ClientErrors.invalid(
                    "The event can't be encoded: \(CodingFailure.text(error))", cause: error)
            }
        }
        throw ClientErrors.invalid(
            "No linked codec can encode \(Event.self)" + (subtype.map { " as \"\($0)\"" } ?? "")
                + ". \(CodecSet.advice)")
    }

    /// Returns the broker; makes it when it is first asked for.
    func broker() throws(MicroError) -> any Broker { try parts.partForCalls(.broker) }

    /// Publishes an event that is encoded, with all middleware around it.
    func publish(
        _ message: EncodedMessage, contentType: String, to topic: String, _ options: PublishOptions
    ) async throws(MicroError) {
        let event = OutgoingEvent(
            topic: topic, body: message, contentType: contentType, metadata: outgoing(options.metadata),
            messageID: options.messageID)
        do {
            try await sendThroughMiddleware(event)
        } catch let error as MicroError {
            throw error
        } catch is CancellationError {
            throw ClientErrors.cancelled()
        } catch {
            throw ClientErrors.unavailable("The event can't be published: \(error)", cause: error)
        }
    }
}

extension ClientEngine {
    private func sendThroughMiddleware(_ event: OutgoingEvent) async throws {
        guard !publisherMiddleware.isEmpty else { return try await send(event) }
        var next = NextEvent { try await self.send($0) }
        for middleware in publisherMiddleware.reversed() {
            let inner = next
            next = NextEvent { try await middleware.handle($0, next: inner) }
        }
        try await next(event)
    }

    /// Gives an event to the broker, behind all middleware.
    private func send(_ event: OutgoingEvent) async throws {
        let broker = try broker()
        let (topic, name) = (event.topic, broker.name)
        let instruments = metrics?.instruments(topic: topic, broker: name)
        let span = tracing?.sent("send \(topic)", .producer, event.metadata)
        var header = EventHeader.fields(
            of: span.map { event.metadata.replacingTrace(by: $0.fields) } ?? event.metadata)
        header["Content-Type"] = event.contentType
        header["Micro-Topic"] = topic
        if let id = event.messageID { header["Micro-Id"] = id }
        do {
            try await broker.publish(BrokerEvent(topic: topic, header: header, body: event.body), to: topic)
            instruments?.published(nil)
            span?.end(event: "send", topic: topic, broker: name, error: nil)
        } catch {
            let status = (error as? MicroError)?.status ?? .unavailable
            instruments?.published(status)
            span?.end(event: "send", topic: topic, broker: name, error: "\(status.measured)")
            throw error
        }
    }
}

extension EngineMetrics {
    /// Returns the instruments of a topic to which events are published.
    fileprivate func instruments(topic: String, broker: String) -> PublishInstruments {
        topics.instruments(topic) {
            PublishInstruments(self, topic: $0 ?? MetricLabels.other, broker: broker)
        }
    }
}

/// The header of events.
enum EventHeader {
    /// The fields of some metadata, named as go-micro names them; several values of a name are one field.
    static func fields(of metadata: Metadata) -> [String: String] {
        var fields: [String: String] = [:]
        for (name, value) in metadata {
            let name = title(name)
            fields[name] = fields[name].map { "\($0),\(value)" } ?? value
        }
        return fields
    }

    /// Returns a name with each word's first letter in upper case, where a word is letters, digits and `_`.
    static func title(_ name: String) -> String {
        var text = ""
        var isInWord = false
        for character in name {
            text += isInWord ? String(character) : character.uppercased()
            isInWord = character.isLetter || character.isNumber || character == "_"
        }
        return text
    }
}
