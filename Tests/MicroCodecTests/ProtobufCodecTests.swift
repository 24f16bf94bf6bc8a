import FoundationEssentials
import MicroCodecProtobuf
import MicroCore
import SwiftProtobuf
import Testing

@Suite(.timeLimit(.minutes(2))) struct ProtobufCodecTests {
    private func coder(_ subtype: String) throws -> MessageCoder<Micro_Test_Order> {
        try #require(ProtobufCodec().coder(for: Micro_Test_Order.self, subtype: subtype))
    }

    private func decodeJSON(_ text: String) throws -> Micro_Test_Order {
        try coder("json").decode(Array(text.utf8).span.bytes)
    }

    @Test func bytesAreProtobufs() throws {
        let order = Micro_Test_Order.sample
        let message = try coder("proto").encode(order)
        #expect(message.bytes == (try order.serializedBytes() as [UInt8]))
        #expect(message.storage.prefix(5) == [0, 0, 0, 0, 0])
        #expect(message.storage.count == message.count + EncodedMessage.headroom)
        #expect(try message.withBytes(coder("proto").decode) == order)
    }

    @Test func anEmptyMessageHasNoBytes() throws {
        #expect(try coder("proto").encode(Micro_Test_Order()).isEmpty)
        #expect(try coder("proto").decode([UInt8]().span.bytes) == Micro_Test_Order())
        #expect(try decodeJSON("") == Micro_Test_Order())
        #expect(try coder("json").encode(Micro_Test_Order()).bytes == Array("{}".utf8))
    }

    @Test func jsonAcceptsBothCasingsAndUnknownNames() throws {
        let wanted = Micro_Test_Order.with {
            $0.orderID = "42"
            $0.totalCents = 7
        }
        for text in [
            #"{"orderId":"42","totalCents":"7"}"#, #"{"order_id":"42","total_cents":7}"#,
            #"{"orderId":"42","total_cents":"7","unknown":{"a":[1,{"b":null}]},"state":"STATE_OF_THE_FUTURE"}"#,
        ] {
            #expect(try decodeJSON(text) == wanted)
        }
        let text = String(decoding: try coder("json").encode(wanted).bytes, as: UTF8.self)
        #expect(text == #"{"orderId":"42","totalCents":"7"}"#)
    }

    @Test func errorsNameTheMessageAndTheForm() {
        let binary = #expect(throws: MicroError.self) {
            try coder("proto").decode([0x0A, 0x05, 0x41].span.bytes)
        }
        #expect(binary?.status == .invalidArgument)
        #expect(binary?.detail.contains("micro.test.Order in Protobuf") == true)
        let json = #expect(throws: MicroError.self) { try decodeJSON(#"{"orderId":7}"#) }
        #expect(json?.status == .invalidArgument)
        #expect(json?.detail.contains("micro.test.Order in JSON") == true)
    }

    @Test(arguments: [#"{"parentOrder":"#, #"{"unknown":"#, #"{"unknown":[{"a":"#, "["])
    func jsonWithoutEndIsRefused(unit: String) {
        let text = String(repeating: unit, count: 100_000)
        let error = #expect(throws: MicroError.self) { try decodeJSON(text) }
        // The first fault that is found: too many elements, or no end.
        #expect(error?.status == (unit.contains(":[") ? .resourceExhausted : .invalidArgument))
    }

    @Test func elementsOfJSONAreCountedBeforeTheyAreDecoded() {
        let text = #"{"x":[\#(Array(repeating: "{}", count: 260_000).joined(separator: ","))]}"#
        let error = #expect(throws: MicroError.self) { try decodeJSON(text) }
        #expect(error?.status == .resourceExhausted && error?.detail.contains("250000") == true)
    }

    @Test func messagesWithoutEndAreRefused() throws {
        // Each level is one field of the type of the message, around the level inside.
        var bytes: [UInt8] = []
        for _ in 0..<5_000 {
            var length = bytes.count
            var prefix: [UInt8] = [0x3A]
            while length > 0x7F {
                prefix.append(UInt8(truncatingIfNeeded: length) | 0x80)
                length >>= 7
            }
            bytes = prefix + [UInt8(truncatingIfNeeded: length)] + bytes
        }
        #expect(throws: MicroError.self) { try coder("proto").decode(bytes.span.bytes) }
        let groups = [UInt8](repeating: 0x5B, count: 1_000_000)
        #expect(throws: MicroError.self) { try coder("proto").decode(groups.span.bytes) }
    }

    @Test func otherTypesAndSubtypesHaveNoCoder() {
        #expect(ProtobufCodec().coder(for: String.self, subtype: "proto") == nil)
        #expect(ProtobufCodec().coder(for: [Micro_Test_Order].self, subtype: "json") == nil)
        #expect(ProtobufCodec().coder(for: Micro_Test_Order.self, subtype: "bytes") == nil)
    }
}
