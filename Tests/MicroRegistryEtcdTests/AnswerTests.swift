import MicroCore
import Testing

@testable import MicroRegistryEtcd

/// What an answer of etcd may hold.
@Suite(.timeLimit(.minutes(2))) struct EtcdAnswerTests {
    /// Each key of an answer may have two bytes on the wire, and takes hundreds in memory.
    @Test func answersWithTooManyFieldsAreNotDecoded() throws {
        func answer(_ count: Int) -> Message { Message((0..<count).flatMap { _ in [0x12, 0] as [UInt8] }) }
        let read = try EtcdCoding.decode(answer(512), as: EtcdRangeResponse.self)
        #expect(read.kvs.count == 512)
        let error = #expect(throws: MicroError.self) {
            try EtcdCoding.decode(answer(100_000), as: EtcdRangeResponse.self)
        }
        #expect(error?.detail.contains("65536") == true)
        // Whatever else is wrong is left to the decoder.
        for bytes: [UInt8] in [
            [0x12], [0x12, 0xFF], [0x12, 5, 0], [0xFF], [0x0B, 0x0C], [0x09],
            [
                0x12, 0xFF, 0xFF, 0xFF,
                0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F,
            ],
        ] {
            _ = try? EtcdCoding.decode(Message(bytes), as: EtcdRangeResponse.self)
        }
    }
}
