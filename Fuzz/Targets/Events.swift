import MicroCore
import MicroWire

@testable import MicroBrokerHTTP

extension FuzzTarget {
    /// The envelopes of events, and the targets that they are posted to.
    static var events: FuzzTarget {
        FuzzTarget(name: "events") {
            [
                #"{"Header":{"Content-Type":"application/json","Micro-Topic":"greetings"},"Body":"eyJuIjoxfQ=="}"#,
                #"{"Header":{"a\nb":7},"Body":""}"#, "/?id=t-1&x=%41+%zz",
            ].map { Array($0.utf8) }
        } run: { input in
            do {
                let event = try EventEnvelope.decode(input, topic: "t")
                let again = try? EventEnvelope.decode(EventEnvelope.encode(event), topic: "t")
                check(again?.header == event.header, "an envelope's header")
                check(again?.body.bytes == event.body.bytes, "an envelope's body")
            } catch {
                check("\(error)".unicodeScalars.allSatisfy(\.isHarmless), "an error of an envelope")
            }
            let text = String(decoding: input, as: UTF8.self)
            _ = QueryText.value("id", in: text)
            check(text.printable(limit: 50).unicodeScalars.allSatisfy(\.isHarmless), "a printable text")
            check(text.printableAddress().unicodeScalars.allSatisfy(\.isHarmless), "a printable address")
        }
    }
}
