import MicroCodecJSON
import MicroCodecProtobuf
import MicroCore
import MicroTesting
import Testing

@Suite(.timeLimit(.minutes(2))) struct CodecConformanceTests {
    struct Profile: Codable, Equatable {
        var name: String?
        var scores: [Double]?
        var tags: [String: String]?
        var friends: [Profile]?
    }

    @Test func json() async throws {
        let full = Profile(
            name: "\u{1F600} \"quoted\" \\ / \n", scores: [0, -1.5, 1e300], tags: ["a": "b", "": "c"],
            friends: [Profile(name: "friend"), Profile()])
        try await CodecConformance(JSONCodec(), samples: [full, Profile()], emptyValue: Profile()).run()
    }

    @Test func protobuf() async throws {
        try await CodecConformance(
            ProtobufCodec(), samples: [.sample, Micro_Test_Order()], emptyValue: Micro_Test_Order()
        ).run()
    }
}
