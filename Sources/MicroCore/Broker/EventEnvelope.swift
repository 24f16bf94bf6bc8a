import FoundationEssentials

/// An event as go-micro's HTTP and NATS brokers send it: JSON of the header, and of the body in base64.
///
/// `{"Header":{"Content-Type":"application/json","Micro-Topic":"greetings"},"Body":"eyJuIjoxfQ=="}`
package enum EventEnvelope {
    /// Returns the envelope of an event; the keys of the header are sorted, as Go does.
    ///
    /// - Parameter event: The event. Its topic is not written: it is in the header, or on the wire.
    /// - Returns: UTF-8 text.
    package static func encode(_ event: BrokerEvent) -> [UInt8] {
        var text = JSONText()
        text.raw("{\"Header\":")
        text.map(event.header)
        text.raw(",\"Body\":\"")
        text.base64(event.body)
        text.raw("\"}")
        return text.bytes
    }

    /// Reads an envelope that go-micro, or we, have written.
    ///
    /// - Parameters:
    ///   - json: UTF-8 text, whose length the caller has bounded. Keys are read without regard to case and
    ///     unknown ones ignored; a missing header or body is an empty one.
    ///   - topic: The topic that the wire tells; the header's `Micro-Topic` if `nil`.
    /// - Returns: The event.
    /// - Throws: A ``MicroError`` with the status `invalidArgument` if it isn't an envelope, or if no topic
    ///   is told.
    package static func decode(_ json: some Collection<UInt8>, topic: String? = nil) throws -> BrokerEvent {
        let fields: Fields
        do {
            fields = try JSONDecoder().decode(Fields.self, from: Data(json))
        } catch {
            throw MicroError(.invalidArgument, "The event's envelope is not readable: \(error)")
        }
        guard let topic = topic ?? fields.header["Micro-Topic"], !topic.isEmpty else {
            throw MicroError(.invalidArgument, "The event's header has no Micro-Topic.")
        }
        return BrokerEvent(topic: topic, header: fields.header, body: fields.body)
    }

    private struct Fields: Decodable {
        let header: [String: String]
        let body: Message

        init(from decoder: any Decoder) throws {
            let object = try GoObject(decoder)
            header = try object.value("Header") ?? [:]
            let text: String = try object.value("Body") ?? ""
            guard let bytes = Base64.decode(text.utf8) else {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: decoder.codingPath, debugDescription: "Body is not base64."))
            }
            body = Message(bytes)
        }
    }
}
