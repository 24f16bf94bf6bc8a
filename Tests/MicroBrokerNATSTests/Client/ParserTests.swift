import NIOCore
import Testing

@testable import MicroNATS

@Suite("NATS parser", .timeLimit(.minutes(2)))
struct ParserTests {
    private static let stream =
        "INFO {\"max_payload\":10}\r\nPING\r\nMSG a.b 1 5\r\nhello\r\n+OK\r\nmsg a.b  22\treply.to 0\r\n\r\n"
        + "HMSG c 3 12 17\r\nNATS/1.0\r\n\r\nworld\r\nHMSG c 4 r.s 22 22\r\nNATS/1.0 503\r\nA: b\r\n\r\n\r\n"
        + "-ERR 'Permissions Violation for Publish to \"x\"'\r\nPONG\r\n"

    private static let expected = [
        "INFO {\"max_payload\":10}", "PING", "1 a.b - hello", "OK", "22 a.b reply.to ", "3 c - world [:]",
        "4 c r.s  503 A=b", "ERR Permissions Violation for Publish to \"x\"", "PONG",
    ]

    private static func text(_ operation: ServerOperation) -> String {
        switch operation {
        case .info(let text): return "INFO \(String(buffer: text).drop { $0 == " " })"
        case .ping: return "PING"
        case .pong: return "PONG"
        case .ok: return "OK"
        case .error(let text): return "ERR \(text)"
        case .message(let number, let message):
            var text =
                "\(number) \(message.subject) \(message.reply ?? "-") \(String(buffer: message.payload))"
            guard message.hasHeaders else { return text }
            if let status = message.status { text += " \(status.code)" }
            let fields = message.headers.fields.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
            return text + " " + (fields.isEmpty ? "[:]" : fields)
        }
    }

    private static func parse(_ pieces: [ByteBuffer]) throws -> [String] {
        var parser = NATSParser()
        var found: [String] = []
        for piece in pieces {
            var buffer = piece
            while let operation = try parser.next(&buffer) { found.append(text(operation)) }
            #expect(buffer.readableBytes == 0)
        }
        return found
    }

    @Test("Finds the same operations wherever what arrives is cut in two")
    func splits() throws {
        let all = ByteBuffer(string: Self.stream)
        for cut in 0...all.readableBytes {
            var rest = all
            let first = rest.readSlice(length: cut) ?? ByteBuffer()
            #expect(try Self.parse([first, rest]) == Self.expected, "cut at \(cut)")
        }
    }

    @Test("Finds the same operations byte by byte, and in pieces of any length")
    func pieces() throws {
        for length in 1...40 {
            var rest = ByteBuffer(string: Self.stream)
            var pieces: [ByteBuffer] = []
            while let piece = rest.readSlice(length: min(length, rest.readableBytes)), piece.readableBytes > 0
            {
                pieces.append(piece)
            }
            #expect(try Self.parse(pieces) == Self.expected, "pieces of \(length)")
        }
    }

    @Test(
        "Refuses what isn't NATS, whole and byte by byte",
        arguments: [
            "HTTP/1.1 400 Bad Request\r\n", "PING\n", "\r\n", "\n", "MSG\r\n", "MSG a\r\n", "MSG a 1\r\n",
            "MSG a 1 -1\r\n\r\n", "MSG a x 1\r\nx\r\n", "MSG a 1 5x\r\nhello\r\n", "MSG a 1 2 3 4 5 6 7\r\n",
            "MSG a 1 5\r\nhelloXX", "MSG a 1 99999999999\r\n", "MSG a 1 99999999999999999999999\r\n",
            "HMSG a 1 5\r\nhello\r\n", "HMSG a 1 9 5\r\nhello\r\n", "MSGX a 1 5\r\nhello\r\n", "HELLO\r\n",
            "MXG a 1 0\r\n\r\n", "PING" + String(repeating: " ", count: 5000) + "\r\n",
        ])
    func malformed(_ text: String) throws {
        #expect(throws: ProtocolFault.self) { try Self.parse([ByteBuffer(string: text)]) }
        #expect(throws: ProtocolFault.self) {
            try Self.parse(text.utf8.map { ByteBuffer(bytes: [$0]) })
        }
    }

    @Test("Doesn't wait for ever for a line's end")
    func endlessLine() throws {
        var parser = NATSParser()
        var isRefused = false
        for _ in 0..<10 where !isRefused {
            var piece = ByteBuffer(repeating: UInt8(ascii: "x"), count: 1000)
            do {
                #expect(try parser.next(&piece) == nil)
            } catch {
                isRefused = true
            }
        }
        #expect(isRefused)
    }

    @Test("Survives any bytes")
    func noise() throws {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("MSGHPINGOK+-ERR 0123456789.\r\nab{}\u{0}\u{7F}".utf8) + [0xFF]
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 1...80)).compactMap { _ in
                alphabet.randomElement(using: &generator)
            }
            var parser = NATSParser()
            var buffer = ByteBuffer(bytes: bytes)
            // Whether it is refused or understood in part, it ends.
            while let operation = try? parser.next(&buffer) { _ = Self.text(operation) }
        }
    }

    @Test("Writes commands byte by byte as the protocol has them")
    func commands() {
        var buffer = ByteBuffer()
        func write(_ payload: some CommandPayload, _ subject: String, _ reply: String?, _ headers: [UInt8]?) {
            var line: [UInt8] = []
            PublishLine.write(
                &line, subject: subject, reply: reply, headerLength: headers?.count,
                length: payload.byteCount + (headers?.count ?? 0))
            buffer.writeMessage(payload, line: line, headers: headers)
        }
        write(ByteBuffer(string: "hi"), "a.b", nil, nil)
        write(Array("hello world".utf8), "c", "r", nil)
        write(ByteBuffer(), "d", nil, nil)
        let headers: NATSHeaders = ["A": "1", "B": ""]
        write(ByteBuffer(string: "x"), "e", "r", headers.encoded)
        buffer.writeSubscribe("s.>", queue: nil, number: 7)
        buffer.writeSubscribe("s", queue: "q", number: 8)
        buffer.writeUnsubscribe(7)
        #expect(
            String(buffer: buffer) == "PUB a.b 2\r\nhi\r\nPUB c r 11\r\nhello world\r\nPUB d 0\r\n\r\n"
                + "HPUB e r 23 24\r\nNATS/1.0\r\nA: 1\r\nB: \r\n\r\nx\r\nSUB s.> 7\r\nSUB s q 8\r\nUNSUB 7\r\n"
        )
    }

    @Test("Reads no more headers than a message may have")
    func headersAreBounded() {
        func block(_ count: Int) -> [UInt8] {
            Array(("NATS/1.0\r\n" + String(repeating: "a:\r\n", count: count) + "\r\n").utf8)
        }
        #expect(
            NATSHeaders(parsing: block(NATSHeaders.maximumCount))?.fields.count == NATSHeaders.maximumCount)
        #expect(NATSHeaders(parsing: block(NATSHeaders.maximumCount + 1)) == nil)
        #expect(NATSHeaders(parsing: block(100_000)) == nil)
    }

    @Test("Knows which subjects belong to a pattern")
    func covers() {
        #expect(NATSSubject.covers("a.*", "a.b"))
        #expect(NATSSubject.covers("a.>", "a.b.c"))
        #expect(NATSSubject.covers("a.b", "a.b"))
        #expect(!NATSSubject.covers("a.*", "a.b.c"))
        #expect(!NATSSubject.covers("a.>", "a"))
        #expect(!NATSSubject.covers("a.*", "a.>"))
        #expect(!NATSSubject.covers("a.b.c", "a.b"))
    }
}
