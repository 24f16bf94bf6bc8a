internal import MicroCore
internal import MicroWire

/// An event as a line of JSON.
enum EventText {
    /// Returns the line of an event, with its newline.
    static func line(of event: BrokerEvent) -> [UInt8] {
        var text = JSONText()
        text.raw("{\"topic\":")
        text.string(event.topic)
        text.raw(",\"header\":")
        text.map(event.header)
        let body = event.body.bytes
        if (try? JSONLayout.check(body)) != nil {
            text.raw(",\"body\":")
            // In JSON these characters stand only between values, and there they mean nothing.
            let spaces: Set<UInt8> = [UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t")]
            text.raw(
                String(decoding: body.map { spaces.contains($0) ? UInt8(ascii: " ") : $0 }, as: UTF8.self))
            text.raw("}\n")
        } else {
            text.raw(",\"base64\":\"")
            text.base64(event.body)
            text.raw("\"}\n")
        }
        return text.bytes
    }
}
