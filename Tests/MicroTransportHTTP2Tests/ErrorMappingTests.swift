import Foundation
import HTTP2TestPeer
import MicroCore
import MicroTransportHTTP2
import Testing

/// Every gRPC status and every code of go-micro, both directions, over real connections.
@Suite(.timeLimit(.minutes(2))) struct ErrorMappingTests {
    /// The codes that go-micro's constructors make or its servers send, and some that nobody knows; with the gRPC
    /// status that a go-micro server sends for them.
    private static let codes: [(code: Int, status: Int)] = [
        (400, 3), (401, 16), (402, 2), (403, 7), (404, 5), (405, 2), (408, 4), (409, 6), (410, 2), (412, 9),
        (413, 2), (418, 2), (429, 2), (499, 2), (500, 13), (501, 12), (502, 2), (503, 14), (504, 2), (1, 2),
        (799, 2), (2_147_483_647, 2),
    ]

    /// The canonical statuses, with the code that stands for them.
    private static let statuses: [(status: Int, code: Int)] = [
        (1, 499), (2, 500), (3, 400), (4, 408), (5, 404), (6, 409), (7, 403), (8, 429), (9, 412), (10, 409),
        (11, 400), (12, 501), (13, 500), (14, 503), (15, 500), (16, 401),
    ]

    /// All that a text has to survive.
    private static let detail = "100 % \"{quoted}\"\t\r\n\\ Grüße \u{263A} \u{1F608}"

    // MARK: Our server, our client

    /// Returns what a caller gets of each error that a handler throws, by a unary call and by a stream.
    private func roundTrip(_ errors: [MicroError]) async throws -> [(unary: MicroError?, stream: MicroError?)]
    {
        let handler = ClosureHandler { head in
            let index = Int(head.metadata["index"] ?? "") ?? 0
            if head.path.hasSuffix("Unary") {
                return .unary({ (_, _) async throws(MicroError) in throw errors[index] }, ExecutionPolicy())
            }
            return .stream(
                { (_, stream) async throws(MicroError) in
                    try await stream.send(EncodedMessage([1]))
                    throw errors[index]
                }, ExecutionPolicy())
        }
        let transport = HTTP2Transport()
        let listener = try await transport.listen(on: .host("127.0.0.1", port: 0), handler: handler)
        let connection = try await transport.connect(
            to: Node(id: "n", address: "\(listener.address)"), as: .host("localhost"))
        var outcomes: [(MicroError?, MicroError?)] = []
        for index in errors.indices {
            let metadata: Metadata = ["index": "\(index)"]
            let unary = try await failure {
                _ = try await connection.unary(
                    CallHead(path: "/e.E/Unary", metadata: metadata), EncodedMessage())
            }
            let stream = try await failure {
                let call = try await connection.open(CallHead(path: "/e.E/Stream", metadata: metadata))
                while try await call.receive() != nil {}
            }
            outcomes.append((unary, stream))
        }
        await connection.close(deadline: .now)
        await listener.shutdown(deadline: .now)
        return outcomes
    }

    /// Checks that errors arrive with all their fields.
    private func expectSame(_ errors: [MicroError]) async throws {
        for (sent, got) in zip(errors, try await roundTrip(errors)) {
            #expect(got.unary == sent, "\(sent), by a unary call")
            #expect(got.stream == sent, "\(sent), behind a message")
        }
    }

    @Test func everyStatusSurvives() async throws {
        for id in ["", "greeter"] {
            let errors = Self.statuses.map { MicroError(RPCStatus(rawValue: $0.status), Self.detail, id: id) }
            #expect(errors.map(\.httpCode) == Self.statuses.map(\.code))
            try await expectSame(errors)
            try await expectSame([MicroError(.aborted, "", id: id), MicroError(.dataLoss, "\u{0}", id: id)])
        }
    }

    @Test func everyCodeSurvives() async throws {
        let errors = Self.codes.map { MicroError(id: "go.micro.srv", httpCode: $0.code, detail: Self.detail) }
        #expect(errors.map(\.status.rawValue) == Self.codes.map(\.status))
        try await expectSame(errors)
        try await expectSame(
            Self.codes.map { MicroError(id: "x", httpCode: $0.code, detail: "", statusText: "Own") })
    }

    @Test func everyPairSurvives() async throws {
        var errors: [MicroError] = []
        for (status, _) in Self.statuses {
            for (code, _) in Self.codes {
                errors.append(
                    MicroError(id: "x", httpCode: code, detail: "d", status: RPCStatus(rawValue: status)))
            }
        }
        try await expectSame(errors)
    }

    @Test func detailsAndMetadataSurvive() async throws {
        var error = MicroError(.failedPrecondition, "d")
        // google.rpc.Status with a code and a message, as a plain gRPC server sends it.
        error.rpcDetails = [8, 9, 18, 1, 100]
        error.trailingMetadata = ["retry": "no"]
        try await expectSame([error])
        // With two details: a google.protobuf.Any each, of the types "a" and "b".
        error.rpcDetails = [8, 9, 18, 1, 100, 26, 3, 10, 1, 97, 26, 6, 10, 1, 98, 18, 1, 7]
        try await expectSame([error])
        error.id = "greeter"
        try await expectSame([error])
    }

    @Test func anErrorIsNeverSuccess() async throws {
        for status in [0, -1, -2_147_483_648] {
            for id in ["", "x"] {
                let error = MicroError(RPCStatus(rawValue: status), "d", id: id)
                let got = try await roundTrip([error])[0]
                #expect(got.unary?.status == .unknown)
                #expect(got.stream?.status == .unknown)
                #expect(got.unary?.detail == "d")
            }
        }
        // A number that nobody knows yet stays as it is.
        try await expectSame([
            MicroError(RPCStatus(rawValue: 17), "d"), MicroError(RPCStatus(rawValue: 99), "d"),
        ])
    }

    // MARK: What others see of us

    /// The fields by which a caller shows that it is go-micro's, and none.
    @Test(arguments: [nil, "x-content-type", "micro-from-service", "micro-x"])
    func goMicrosFormGoesToGoMicro(_ field: String?) async throws {
        let errors =
            Self.codes.map { MicroError(id: "greeter", httpCode: $0.code, detail: Self.detail) }
            + Self.statuses.map { MicroError(RPCStatus(rawValue: $0.status), Self.detail) }
        let handler = ClosureHandler { head in
            let index = Int(head.metadata["index"] ?? "") ?? 0
            return .unary({ (_, _) async throws(MicroError) in throw errors[index] }, ExecutionPolicy())
        }
        let listener = try await HTTP2Transport().listen(on: .host("127.0.0.1", port: 0), handler: handler)
        let connection = try await RawConnection.open(to: listener.address)
        for (index, error) in errors.enumerated() {
            let answer = try await connection.call(
                "/e.E/Unary", more: [("index", "\(index)")] + (field.map { [($0, "x")] } ?? []),
                stream: UInt32(2 * index + 1))
            #expect(answer["grpc-status"] == "\(error.status.rawValue)")
            let message = try #require(answer["grpc-message"]?.removingPercentEncoding)
            if error.id.isEmpty || field == nil {
                #expect(message == Self.detail)
                #expect(answer["grpc-status-details-bin"] == nil)
                continue
            }
            let json = try #require(
                try JSONSerialization.jsonObject(with: Data(message.utf8)) as? [String: Any])
            #expect(json["id"] as? String == "greeter")
            #expect(json["code"] as? Int == error.httpCode)
            #expect(json["detail"] as? String == Self.detail)
            #expect(json["status"] as? String ?? "" == error.statusText)
            let details = try #require(answer["grpc-status-details-bin"])
            let padded = details + String(repeating: "=", count: (4 - details.count % 4) % 4)
            let bytes = try #require(Data(base64Encoded: padded))
            #expect(bytes.range(of: Data("type.googleapis.com/errors.Error".utf8)) != nil)
        }
        await connection.close()
        await listener.shutdown(deadline: .now)
    }

    @Test func detailsStandBehindGoMicros() async throws {
        var error = MicroError(.failedPrecondition, "d", id: "greeter")
        error.rpcDetails = [8, 9, 18, 1, 100, 26, 3, 10, 1, 97]
        let sent = error
        let handler = ClosureHandler { _ in
            .unary({ (_, _) async throws(MicroError) in throw sent }, ExecutionPolicy())
        }
        let listener = try await HTTP2Transport().listen(on: .host("127.0.0.1", port: 0), handler: handler)
        let connection = try await RawConnection.open(to: listener.address)
        let plain = try await connection.call("/e.E/Unary", more: [], stream: 1)
        #expect(plain["grpc-message"] == "d")
        #expect(plain["grpc-status-details-bin"] == "CAkSAWQaAwoBYQ")
        let micro = try await connection.call("/e.E/Unary", more: [("micro-x", "1")], stream: 3)
        let text = try #require(micro["grpc-status-details-bin"])
        let bytes = try #require(
            Data(base64Encoded: text + String(repeating: "=", count: (4 - text.count % 4) % 4)))
        // go-micro's clients read the first detail alone.
        #expect(bytes.suffix(5) == Data([26, 3, 10, 1, 97]))
        #expect(bytes.range(of: Data("errors.Error".utf8)) != nil)
        await connection.close()
        await listener.shutdown(deadline: .now)
    }

    // MARK: What we see of others

    /// Returns the errors that our client makes of trailers.
    private func understood(_ endings: [[(String, String)]]) async throws -> [MicroError?] {
        let server = try await RawListener.open()
        let node = Node(id: "raw-1", address: "\(server.address)")
        let connection = try await HTTP2Transport().connect(to: node, as: .host("localhost"))
        let peer = try await server.accept()
        try await peer.greetAsServer()
        var errors: [MicroError?] = []
        for (index, ending) in endings.enumerated() {
            async let error = failure {
                _ = try await connection.unary(CallHead(path: "/e.E/Unary"), EncodedMessage([1]))
            }
            _ = try await peer.frame { $0.kind == .data }
            let head = [(":status", "200"), ("content-type", "application/grpc")]
            try await peer.send(.headers(head + ending, stream: UInt32(2 * index + 1), ends: true))
            errors.append(try await error)
        }
        await connection.close(deadline: .now)
        await peer.close()
        await server.close()
        return errors
    }

    @Test func plainStatusesAreUnderstood() async throws {
        let endings = Self.statuses.map { [("grpc-status", "\($0.status)"), ("grpc-message", "no%20luck")] }
        for (wanted, error) in zip(Self.statuses, try await understood(endings)) {
            #expect(error?.status.rawValue == wanted.status)
            #expect(error?.httpCode == wanted.code)
            #expect(error?.detail == "no luck")
            #expect(error?.id.isEmpty == true)
        }
    }

    @Test func errorsOfGoMicroAreUnderstood() async throws {
        // Only JSON, as a peer sends it that has no details.
        let endings = Self.codes.map { code, status in
            [
                ("grpc-status", "\(status)"),
                ("grpc-message", #"{"id":"go.micro.srv","code":\#(code),"detail":"d","status":"S"}"#),
            ]
        }
        for (wanted, error) in zip(Self.codes, try await understood(endings)) {
            #expect(error?.id == "go.micro.srv")
            #expect(error?.httpCode == wanted.code)
            #expect(error?.detail == "d")
            #expect(error?.statusText == "S")
            #expect(error?.status.rawValue == wanted.status)
        }
    }
}
