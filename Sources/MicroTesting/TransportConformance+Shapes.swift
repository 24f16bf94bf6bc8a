import MicroCore
import MicroPluginKit

// The four shapes of a call.
extension TransportConformance {
    static let shapePhases: [(String, Check)] = [
        ("unary call", unary),
        ("server stream", serverStream),
        ("client stream", clientStream),
        ("bidirectional stream", bidirectional),
        ("the server speaks first", serverFirst),
        ("request that ends without a message", noMessage),
        ("unary handler starts before the request ends", noHalfClose),
        ("unary request without a message", unaryWithoutMessage),
        ("unary request with a second message", unaryWithSecondMessage),
        ("reading and writing at once", fullDuplex),
        ("server that ends the call while the client sends", earlyEnd),
    ]

    private static func unary(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { head in
            fixture.findings.expect(
                head.path == "/conformance.Test/Echo", "The path arrived as \(head.path).")
            fixture.findings.expect(
                head.contentSubtype == "json", "The content subtype json arrived as \(head.contentSubtype).")
            fixture.findings.expect(head.deadline == nil, "A call without a deadline arrived with one.")
            fixture.findings.expect(head.peer?.address.isEmpty == false, "The peer has no address.")
            return .unary({ _, message in UnaryReply(message) }, executionPolicy)
        } _: { connection in
            fixture.findings.expect(connection.isUsable, "A new connection is not usable.")
            let head = CallHead(path: "/conformance.Test/Echo", contentSubtype: "json")
            for size in [0, 1, 5, 32, 1000, 16384, 16385, 100_000] {
                let message = EncodedMessage(size: size, seed: size)
                let reply = try await connection.unary(head, message)
                fixture.findings.expect(
                    reply.message == message, "An echo of \(size) bytes came back different.")
            }
            fixture.findings.expect(connection.activeCalls == 0, "Calls that are over count as active.")
        }
    }

    private static func serverStream(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { _ in
            .serverStream(
                { (_, message, stream) async throws(MicroError) -> Metadata in
                    for number in 0..<100 {
                        try await stream.send(EncodedMessage(text: "\(message.text) \(number)"))
                    }
                    return ["end": "reached"]
                }, executionPolicy)
        } _: { connection in
            let call = try await connection.open(CallHead(path: "/conformance.Test/Count"))
            try await call.send(EncodedMessage(text: "n"))
            try await call.finish()
            let texts = try await call.texts()
            fixture.findings.expect(
                texts == (0..<100).map { "n \($0)" }, "Messages of a stream came as \(texts).")
            fixture.findings.expect(call.trailingMetadata["end"] == "reached", "Trailing metadata are lost.")
        }
    }

    private static func clientStream(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { _ in
            .stream(
                { (_, stream) async throws(MicroError) -> Metadata in
                    var texts: [String] = []
                    while let message = try await stream.receive() { texts.append(message.text) }
                    try await stream.send(EncodedMessage(text: texts.joined(separator: " ")))
                    return [:]
                }, executionPolicy)
        } _: { connection in
            let call = try await connection.open(CallHead(path: "/conformance.Test/Collect"))
            for number in 0..<100 { try await call.send(EncodedMessage(text: "\(number)")) }
            try await call.finish()
            let texts = try await call.texts()
            let wanted = (0..<100).map { "\($0)" }.joined(separator: " ")
            fixture.findings.expect(texts == [wanted], "The messages of a request arrived as \(texts).")
        }
    }

    private static func bidirectional(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { _ in
            .echoStream(executionPolicy)
        } _: { connection in
            let call = try await connection.open(CallHead(path: "/conformance.Test/Chat"))
            for number in 0..<100 {
                try await call.send(EncodedMessage(text: "\(number)"))
                let reply = try await call.receive()
                fixture.findings.expect(
                    reply?.text == "\(number)",
                    "Message \(number) was answered with \(reply?.text ?? "the end").")
            }
            try await call.send(EncodedMessage())
            fixture.findings.expect(try await call.receive()?.isEmpty == true, "An empty message is lost.")
            try await call.finish()
            fixture.findings.expect(try await call.receive() == nil, "The call has no end.")
        }
    }

    private static func serverFirst(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { _ in
            .stream(
                { (_, stream) async throws(MicroError) -> Metadata in
                    try await stream.send(EncodedMessage(text: "who is there?"))
                    let answer = try await stream.receive()?.text ?? "nobody"
                    try await stream.send(EncodedMessage(text: answer))
                    return [:]
                }, executionPolicy)
        } _: { connection in
            let call = try await connection.open(CallHead(path: "/conformance.Test/First"))
            let question = try await call.receive()
            fixture.findings.expect(question?.text == "who is there?", "The server can't speak first.")
            try await call.send(EncodedMessage(text: "me"))
            try await call.finish()
            fixture.findings.expect(
                try await call.texts() == ["me"], "What follows a server's first word is lost.")
        }
    }

    private static func noMessage(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { _ in
            .stream(
                { (_, stream) async throws(MicroError) -> Metadata in
                    let message = try await stream.receive()
                    try await stream.send(EncodedMessage(text: message == nil ? "nothing" : "something"))
                    return [:]
                }, executionPolicy)
        } _: { connection in
            let call = try await connection.open(CallHead(path: "/conformance.Test/None"))
            try await call.finish()
            let texts = try await call.texts()
            fixture.findings.expect(texts == ["nothing"], "A request without a message arrived as \(texts).")
        }
    }

    private static func noHalfClose(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { head in
            head.path.hasSuffix("Echo")
                ? .unary({ _, message in UnaryReply(message) }, executionPolicy)
                : .serverStream(
                    { (_, message, stream) async throws(MicroError) -> Metadata in
                        try await stream.send(message)
                        return [:]
                    }, executionPolicy)
        } _: { connection in
            for method in ["Echo", "Count"] {
                let call = try await connection.open(CallHead(path: "/conformance.Test/\(method)"))
                try await call.send(EncodedMessage(text: "open end"))
                let texts = try await call.texts()
                fixture.findings.expect(
                    texts == ["open end"],
                    "\(method) without the end of the request was answered with \(texts).")
            }
        }
    }

    private static func unaryWithoutMessage(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { _ in
            .unary(
                { _, message in
                    fixture.findings.expect(false, "A unary handler ran without a message.")
                    return UnaryReply(message)
                }, executionPolicy)
        } _: { connection in
            let call = try await connection.open(CallHead(path: "/conformance.Test/Echo"))
            try await call.finish()
            try await fixture.expectError(when: "A unary request without a message") {
                _ = try await call.texts()
            }
        }
    }

    private static func unaryWithSecondMessage(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        let (started, wasCancelled) = (Latch(), Latch())
        try await fixture.withConnection { _ in
            .unary(
                { (_, message) async throws(MicroError) -> UnaryReply in
                    defer { wasCancelled.open() }
                    started.open()
                    try await Latch().waitInHandler()
                    return UnaryReply(message)
                }, executionPolicy)
        } _: { connection in
            let call = try await connection.open(CallHead(path: "/conformance.Test/Echo"))
            try await fixture.expectError(when: "A unary request with a second message") {
                try await call.send(EncodedMessage(text: "one"))
                try await started.waitUnlessCancelled()
                try await call.send(EncodedMessage(text: "two"))
                _ = try await call.texts()
            }
            try await wasCancelled.waitUnlessCancelled()
        }
    }

    private static func fullDuplex(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { _ in
            .echoStream(executionPolicy)
        } _: { connection in
            let call = try await connection.open(CallHead(path: "/conformance.Test/Chat"))
            let texts = try await withThrowingTaskGroup { group in
                group.addTask {
                    for number in 0..<2000 { try await call.send(EncodedMessage(text: "\(number)")) }
                    try await call.finish()
                }
                let texts = try await call.texts()
                try await group.waitForAll()
                return texts
            }
            fixture.findings.expect(
                texts == (0..<2000).map { "\($0)" },
                "Of 2000 messages that were sent while reading, \(texts.count) came back, or out of order.")
        }
    }

    private static func earlyEnd(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { _ in
            .stream(
                { (_, stream) async throws(MicroError) -> Metadata in
                    _ = try await stream.receive()
                    try await stream.send(EncodedMessage(text: "enough"))
                    return [:]
                }, executionPolicy)
        } _: { connection in
            let call = try await connection.open(CallHead(path: "/conformance.Test/Early"))
            let texts = try await withThrowingTaskGroup { group in
                group.addTask {
                    // It may fail when the call is over, but it must not wait forever.
                    do {
                        for _ in 0..<1000 { try await call.send(EncodedMessage(size: 1000, seed: 0)) }
                    } catch _ as MicroError {}
                    call.cancel()
                }
                let texts = try await call.texts()
                try await group.waitForAll()
                return texts
            }
            fixture.findings.expect(texts == ["enough"], "A server that ended early was heard as \(texts).")
        }
    }
}

extension CallDecision {
    /// Sends each message back.
    static func echoStream(_ executionPolicy: ExecutionPolicy) -> CallDecision {
        .stream(
            { (_, stream) async throws(MicroError) -> Metadata in
                while let message = try await stream.receive() { try await stream.send(message) }
                return [:]
            }, executionPolicy)
    }
}

extension ClientCallStream {
    /// Reads the call to its end.
    ///
    /// - Returns: The messages as text.
    func texts() async throws(MicroError) -> [String] {
        var texts: [String] = []
        while let message = try await receive() { texts.append(message.text) }
        return texts
    }
}
