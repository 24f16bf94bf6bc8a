import HTTP2TestPeer
import MicroCore
import MicroTransportHTTP2
import Synchronization
import Testing

/// The requests of go-micro clients, byte by byte, to a server of ours that answers as go-micro's did.
@Suite(.timeLimit(.minutes(2))) struct GoMicroServerTests {
    @Test(arguments: RecordedExchange.answered)
    func answersAsGoMicroDid(_ exchange: RecordedExchange) async throws {
        let response = try #require(exchange.response)
        let handler = RecordedHandler(response)
        let listener = try await HTTP2Transport().listen(on: .host("127.0.0.1", port: 0), handler: handler)
        let connection = try await RawConnection.open(to: listener.address)
        // The peer's windows must hold the large answer.
        try await connection.send(.windowUpdate(1 << 20, stream: 0))
        let fields = exchange.request.headers.map { ($0[0], $0[1]) }
        try await connection.send(Frame.headers(fields, stream: 1), .windowUpdate(1 << 20, stream: 1))
        let bodies = exchange.request.data
        for (index, body) in bodies.enumerated() {
            let isLast = index == bodies.count - 1
            try await connection.send(.data(body.bytes, stream: 1, ends: isLast && exchange.request.ended))
        }
        let answer = try await connection.answer(on: 1, awaitsReset: !exchange.request.ended)
        expect(answer, response)
        let received = handler.received
        #expect(received.messages == RecordedExchange.messages(bodies))
        try expect(received.head, exchange.request)
        await connection.close()
        await listener.shutdown(deadline: .now)
    }

    private func expect(_ answer: RawAnswer, _ response: RecordedExchange.Response) {
        #expect(answer.httpStatus == response.headers.value(":status"))
        let contentType = answer.head.first { $0.0 == "content-type" }?.1
        #expect(contentType == response.headers.value("content-type"))
        #expect(answer.isTrailersOnly == response.trailersOnly)
        #expect(answer.body == response.data.flatMap(\.bytes))
        let ending = response.trailersOnly ? response.headers : response.trailers
        #expect(answer["grpc-status"] == ending.value("grpc-status"))
        // grpc-go writes an empty message where there is none.
        #expect(answer["grpc-message"] ?? "" == ending.value("grpc-message") ?? "")
        #expect(answer["grpc-status-details-bin"] == ending.value("grpc-status-details-bin"))
        #expect(answer.reset == (response.reset == nil ? nil : ErrorCode.none))
    }

    private func expect(_ head: CallHead?, _ request: RecordedExchange.Request) throws {
        let head = try #require(head)
        #expect(head.path == request.headers.value(":path"))
        #expect("application/grpc+\(head.contentSubtype)" == request.headers.value("content-type"))
        let hasTimeout = request.headers.contains { $0[0] == "timeout" || $0[0] == "grpc-timeout" }
        #expect((head.deadline != nil) == hasTimeout)
        let protocolFields = ["content-type", "te", "grpc-timeout", "timeout", "x-content-type"]
        for field in request.headers where !field[0].hasPrefix(":") && !protocolFields.contains(field[0]) {
            #expect(head.metadata[field[0]] == field[1])
        }
        for name in protocolFields { #expect(head.metadata[name] == nil) }
    }
}

/// A handler that answers as a recording says.
private final class RecordedHandler: CallHandler {
    private struct State {
        var head: CallHead?
        var messages: [[UInt8]] = []
    }

    private let state = Mutex(State())
    private let answers: [EncodedMessage]
    private let error: MicroError?

    init(_ response: RecordedExchange.Response) {
        answers = RecordedExchange.messages(response.data).map { EncodedMessage($0) }
        let ending = response.trailersOnly ? response.headers : response.trailers
        let status = RPCStatus(rawValue: Int(ending.value("grpc-status") ?? "") ?? 2)
        let text = (ending.value("grpc-message") ?? "").decodingPercents
        error = status == .ok ? nil : Self.error(status, text)
    }

    private static func error(_ status: RPCStatus, _ text: String) -> MicroError {
        switch text {
        case _ where text.contains("bad request detail\",\"status"):
            MicroError(id: "go.micro.srv.greeter", httpCode: 400, detail: "bad request detail")
        case _ where text.contains("späte"):
            MicroError(id: "go.micro.srv.greeter", httpCode: 404, detail: "späte % detail")
        default: MicroError(status, text)
        }
    }

    /// The head and the messages of the call.
    var received: (head: CallHead?, messages: [[UInt8]]) { state.withLock { ($0.head, $0.messages) } }

    func accept(_ head: CallHead) -> CallDecision {
        state.withLock { $0.head = head }
        guard head.path.contains("Stream") else {
            return .unary(
                { (_, message) async throws(MicroError) in try self.answer(message) }, ExecutionPolicy())
        }
        guard head.path.hasSuffix("/Stream") else {
            return .serverStream(
                { (_, message, stream) async throws(MicroError) in
                    self.note(message)
                    for answer in self.answers { try await stream.send(answer) }
                    if let error = self.error { throw error }
                    return [:]
                }, ExecutionPolicy())
        }
        return .stream(
            { (_, stream) async throws(MicroError) in
                while let message = try await stream.receive() {
                    self.note(message)
                    try await stream.send(message)
                }
                return [:]
            }, ExecutionPolicy())
    }

    private func answer(_ message: EncodedMessage) throws(MicroError) -> UnaryReply {
        note(message)
        if let error { throw error }
        return UnaryReply(answers.first ?? EncodedMessage())
    }

    private func note(_ message: EncodedMessage) { state.withLock { $0.messages.append(message.bytes) } }
}

extension String {
    /// The text with `%XX` replaced by the bytes that they stand for.
    fileprivate var decodingPercents: String {
        var bytes: [UInt8] = []
        var rest = utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = UInt8(String(Substring(rest.prefix(2))), radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
