public import MicroCore

/// An event as go-micro's HTTP and NATS brokers send it: JSON of the header, and of the body in base64.
///
/// `{"Header":{"Content-Type":"application/json","Micro-Topic":"greetings"},"Body":"eyJuIjoxfQ=="}`
public enum EventEnvelope {
    /// Returns the envelope of an event; the keys of the header are sorted, as Go does.
    ///
    /// - Parameter event: The event. Its topic is not written: it is in the header, or on the wire.
    /// - Returns: UTF-8 text.
    public static func encode(_ event: BrokerEvent) -> [UInt8] {
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
    public static func decode(_ json: some Collection<UInt8>, topic: String? = nil) throws -> BrokerEvent {
        var reader = JSONReader(Array(json), limits: limits)
        var (header, body) = ([String: String](), [UInt8]?.some([]))
        do throws(JSONReader.Fault) {
            try reader.object { reader, key throws(JSONReader.Fault) in
                if key.matches("Header") {
                    header = try reader.stringMap() ?? [:]
                } else if key.matches("Body") {
                    body = reader.acceptNull() ? [] : Base64.decode(try reader.stringBytes())
                } else {
                    try reader.skip()
                }
            }
            try reader.end()
        } catch {
            throw MicroError(.invalidArgument, "The event's envelope is not readable: \(error).")
        }
        guard let body else {
            throw MicroError(
                .invalidArgument, "The event's envelope is not readable: its Body is not base64.")
        }
        guard let topic = topic ?? header["Micro-Topic"], !topic.isEmpty else {
            throw MicroError(.invalidArgument, "The event's header has no Micro-Topic.")
        }
        return BrokerEvent(topic: topic, header: header, body: EncodedMessage(body))
    }

    /// What an envelope may have at most: its header's fields, and what is skipped.
    private static let limits = JSONReader.Limits(elements: 4096)
}
