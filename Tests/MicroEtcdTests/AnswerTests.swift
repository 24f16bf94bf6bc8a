import MicroCore
import MicroEtcd
import Testing

/// What an answer of etcd may hold.
@Suite(.timeLimit(.minutes(2))) struct EtcdAnswerTests {
    /// Each key of an answer may have two bytes on the wire, and takes hundreds in memory.
    @Test func answersWithTooManyFieldsAreNotDecoded() throws {
        func answer(_ count: Int) -> EncodedMessage {
            EncodedMessage((0..<count).flatMap { _ in [0x12, 0] as [UInt8] })
        }
        let read = try EtcdCoding.decode(answer(512), as: EtcdPBRangeResponse.self)
        #expect(read.kvs.count == 512)
        let error = #expect(throws: MicroError.self) {
            try EtcdCoding.decode(answer(100_000), as: EtcdPBRangeResponse.self)
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
            _ = try? EtcdCoding.decode(EncodedMessage(bytes), as: EtcdPBRangeResponse.self)
        }
    }
    /// The answers inside of a transaction's are counted together.
    @Test func answersOfTransactionsWithTooManyFieldsAreNotDecoded() throws {
        func varint(_ number: Int) -> [UInt8] {
            number < 128 ? [UInt8(number)] : [UInt8(number & 127) | 128] + varint(number >> 7)
        }
        func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
            [number << 3 | 2] + varint(bytes.count) + bytes
        }
        func answer(_ count: Int, depth: Int) -> [UInt8] {
            let pairs = (0..<count).flatMap { _ in [0x12, 0] as [UInt8] }
            let inner = depth == 0 ? field(1, pairs) : field(4, answer(count, depth: depth - 1))
            return field(3, inner)
        }
        let read = try EtcdCoding.decode(EncodedMessage(answer(512, depth: 1)), as: EtcdPBTxnResponse.self)
        #expect(read.responses.first?.responseTxn.responses.first?.responseRange.kvs.count == 512)
        for depth in [0, 1, 3] {
            let error = #expect(throws: MicroError.self) {
                try EtcdCoding.decode(
                    EncodedMessage(answer(100_000, depth: depth)), as: EtcdPBTxnResponse.self)
            }
            #expect(error?.detail.contains("65536") == true)
        }
        // Deeper than anything is decoded.
        #expect(throws: MicroError.self) {
            try EtcdCoding.decode(EncodedMessage(answer(1, depth: 500)), as: EtcdPBTxnResponse.self)
        }
    }
}
