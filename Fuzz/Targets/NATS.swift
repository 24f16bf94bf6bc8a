import MicroCore
import NIOCore

@testable import MicroNATS

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension FuzzTarget {
    /// What a NATS server sends, JetStream's answers, and addresses.
    static var nats: FuzzTarget {
        FuzzTarget(name: "nats") {
            [
                "INFO {\"server_id\":\"x\",\"headers\":true,\"max_payload\":1048576,\"connect_urls\":[\"h:1\"]}\r\n",
                "PING\r\n+OK\r\n-ERR 'Permissions Violation for Publish to \"a\"'\r\nPONG\r\n",
                "MSG a 1 $JS.ACK.S.c.1.2.3.4.5 2\r\nhi\r\n",
                "HMSG a 1 30 32\r\nNATS/1.0 503 None\r\nA: b\r\n\r\n\r\nhi\r\n",
                "{\"stream\":\"S\",\"seq\":18446744073709551615,\"duplicate\":true}",
                "{\"stream_name\":\"S\",\"name\":\"c\",\"num_ack_pending\":1,\"num_pending\":2,"
                    + "\"ack_floor\":{\"stream_seq\":3},\"config\":{\"deliver_policy\":\"all\",\"filter_subject\":\"a\"}}",
                "PUB a 2\r\nhi\r\nHPUB b c 12 13\r\nNATS/1.0\r\n\r\nx\r\n", "tls://user:pass@[::1]:4222/",
            ].map { Array($0.utf8) }
        } run: { input in
            let whole = operations(input, pieces: input.count + 1)
            let pieces = operations(input, pieces: 1 + Int(input.first ?? 0))
            check(whole == pieces, "operations differ by how they came")
            let buffer = ByteBuffer(bytes: input)
            _ = try? ServerInfo.decode(buffer)
            for type in [ConsumerInfo.self, StreamInfo.self, JetStream.PublishAck.self]
                as [any Decodable.Type]
            {
                _ = try? JSONDecoder().decode(type, from: Data(input))
            }
            var waiting = buffer
            let count = WaitingMessage.count(in: waiting)
            let removed = WaitingMessage.removeLarge(from: &waiting, limit: 10)
            check(WaitingMessage.count(in: waiting) + removed.count == count, "waiting messages are lost")
            let text = String(decoding: input, as: UTF8.self)
            _ = try? NATSServer(text)
            check(
                NATSError(serverError: text).description.unicodeScalars.allSatisfy(\.isHarmless), "an error")
        }
    }

    private static let client = NATSClient()

    /// What the input is, in words; it ends with a fault.
    private static func operations(_ input: [UInt8], pieces: Int) -> [String] {
        var parser = NATSParser()
        var found: [String] = []
        for start in stride(from: 0, to: input.count, by: pieces) {
            var buffer = ByteBuffer(bytes: input[start..<min(start + pieces, input.count)])
            do throws(ProtocolFault) {
                while let operation = try parser.next(&buffer) { found.append(text(of: operation)) }
            } catch {
                return found + ["fault"]
            }
        }
        return found
    }

    private static func text(of operation: ServerOperation) -> String {
        switch operation {
        case .info(let text): "info \(text.readableBytes)"
        case .ping: "ping"
        case .pong: "pong"
        case .ok: "ok"
        case .error(let text): "error \(text)"
        case .message(let number, let message):
            "message \(number) \(message.subject) \(message.reply ?? "") \(message.headers.fields.count) "
                + "\(message.payload.readableBytes) \(message.status?.code ?? 0) "
                + "\(JetStreamMessage(message, client: client)?.streamSequence ?? 0)"
        }
    }
}
