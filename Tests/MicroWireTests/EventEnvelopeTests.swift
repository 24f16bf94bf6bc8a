import MicroCore
import MicroWire
import Testing

@Suite(.timeLimit(.minutes(2))) struct EventEnvelopeTests {
    /// What go-micro's clients sent to a NATS server: a Protobuf event with metadata, a JSON event, and raw
    /// bytes.
    @Test(arguments: [
        #"{"Header":{"Content-Type":"application/grpc+proto","Foo":"bar","Micro-From-Service":"gm-client","#
            + #""Micro-Topic":"go.micro.topic.test","X-User-Id":"42"},"Body":"CgRpZC0wEOeDg9gGGgRKb2hu"}"#,
        #"{"Header":{"Content-Type":"application/json","Micro-Topic":"go.micro.topic.test"},"#
            + #""Body":"eyJpZCI6ImlkLTAiLCJ0aW1lc3RhbXAiOiIxNzk1MjExNzUxIiwibWVzc2FnZSI6IkpvaG4ifQ=="}"#,
        #"{"Header":{"Foo":"bar"},"Body":"eyJoZWxsbyI6MX0="}"#,
    ])
    func goMicrosBytesRoundTrip(text: String) throws {
        let event = try EventEnvelope.decode(Array(text.utf8), topic: "go.micro.topic.test")
        #expect(event.topic == "go.micro.topic.test")
        #expect(String(decoding: EventEnvelope.encode(event), as: UTF8.self) == text)
    }

    @Test func bodyAndHeaderAreRead() throws {
        let event = try EventEnvelope.decode(
            Array(#"{"Header":{"Micro-Topic":"t","Foo":"bar"},"Body":"eyJoZWxsbyI6MX0="}"#.utf8))
        #expect(event.topic == "t")
        #expect(event.header == ["Micro-Topic": "t", "Foo": "bar"])
        #expect(event.body == EncodedMessage(#"{"hello":1}"#.utf8))
    }

    @Test(arguments: [
        #"{"header":null,"BODY":null,"more":[1]}"#, "{}", #"{"Header":{},"Body":""}"#,
    ])
    func whatIsMissingIsEmpty(text: String) throws {
        let event = try EventEnvelope.decode(Array(text.utf8), topic: "t")
        #expect(event.header.isEmpty && event.body.isEmpty)
    }

    @Test(arguments: [
        "", "hello", "[]", "null", #"{"Header":{},"Body":"#, #"{"Header":{"a":1},"Body":""}"#,
        #"{"Header":{},"Body":"?"}"#, #"{"Header":[],"Body":""}"#, #"{"Header":{},"Body":{"a":1}}"#,
        "{\"Header\":{},\"Body\":\"\u{FF}\"}",
    ])
    func brokenEnvelopesAreErrors(text: String) {
        #expect(throws: MicroError.self) { try EventEnvelope.decode(Array(text.utf8), topic: "t") }
    }

    @Test func anEnvelopeWithoutTopicIsAnError() {
        let error = #expect(throws: MicroError.self) {
            try EventEnvelope.decode(Array(#"{"Header":{},"Body":""}"#.utf8))
        }
        #expect(error?.detail.contains("Micro-Topic") == true)
    }

    /// Four megabytes can be half a million fields, each with a place in a dictionary.
    @Test func theHeadersFieldsAreBounded() {
        let fields = (0..<10_000).map { #""\#($0)":"""# }.joined(separator: ",")
        let error = #expect(throws: MicroError.self) {
            try EventEnvelope.decode(Array("{\"Header\":{\(fields)}}".utf8), topic: "t")
        }
        #expect(error?.detail.contains("4096") == true)
    }
}
