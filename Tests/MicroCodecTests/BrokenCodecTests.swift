import MicroCodecJSON
import MicroCore
import MicroTesting
import Testing

/// A codec that reads only the letters, and has a coder for everything.
private struct LossyCodec: Codec {
    let contentSubtypes = ["json", "json"]

    func coder<Value: Sendable>(for type: Value.Type, subtype: String) -> MessageCoder<Value>? {
        guard let inner = JSONCodec().coder(for: String.self, subtype: "json") else { return nil }
        return MessageCoder(
            decode: { bytes in
                guard let value = (try? inner.decode(bytes))?.filter(\.isLetter) as? Value else {
                    guard let none = "" as? Value else { throw MicroError(.internal, "no string") }
                    return none
                }
                return value
            },
            encode: { value in try inner.encode(value as? String ?? "") })
    }
}

@Suite(.timeLimit(.minutes(2))) struct BrokenCodecTests {
    @Test func aBrokenCodecIsFound() async throws {
        let suite = CodecConformance(LossyCodec(), samples: ["plain", "with 1 digit"])
        let failure = await #expect(throws: ConformanceFailure.self) { try await suite.run() }
        let text = failure?.description ?? ""
        for part in [
            "listed twice", "any subtype", "any type", "came back different", "garbage", "empty body",
        ] {
            #expect(text.contains(part), "\(text)")
        }
    }
}
