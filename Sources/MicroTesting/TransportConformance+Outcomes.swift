import MicroCore

// How calls end.
extension TransportConformance {
    static let outcomePhases: [(String, Check)] = [
        ("every gRPC status", statuses),
        ("every go-micro code", microCodes),
        ("details of a plain gRPC error", details),
        ("refused calls", refusal),
        ("error behind messages", errorBehindMessages),
        ("error of a stream before any message", errorWithoutMessages),
        ("one failing call leaves the others alone", isolation),
    ]

    private static let texts = [
        "plain", "", "with \"quotes\", 100 % and a back\\slash", "ünïcode \u{1F600}", "two\nlines",
    ]

    /// A handler that fails as a closure says.
    private static func failing(
        _ executionPolicy: ExecutionPolicy,
        _ makeError: @escaping @Sendable (CallHead, EncodedMessage) -> MicroError
    ) -> @Sendable (CallHead) -> CallDecision {
        { _ in
            .unary(
                { (head, message) async throws(MicroError) -> UnaryReply in throw makeError(head, message) },
                executionPolicy)
        }
    }

    private static func statuses(_ fixture: Fixture) async throws {
        let handler = failing(fixture.executionPolicy) { head, message in
            MicroError(RPCStatus(rawValue: Int(head.metadata["status"] ?? "") ?? 0), message.text)
        }
        try await fixture.withConnection(handler) { connection in
            for status in 1...16 {
                for text in texts {
                    let head = CallHead(path: "/conformance.Test/Fail", metadata: ["status": "\(status)"])
                    let wanted = RPCStatus(rawValue: status)
                    let error = try await fixture.expectError(wanted, when: "A handler's status \(wanted)") {
                        _ = try await connection.unary(head, EncodedMessage(text: text))
                    }
                    fixture.findings.expect(
                        error?.detail == text, "The detail \"\(text)\" arrived as \"\(error?.detail ?? "")\"."
                    )
                    fixture.findings.expect(
                        error?.processed == .maybe,
                        "A call that the server has answered counts as not processed.")
                }
            }
        }
    }

    private static func microCodes(_ fixture: Fixture) async throws {
        let codes = [400, 401, 403, 404, 405, 408, 409, 412, 418, 429, 499, 500, 501, 502, 503, 504, 799]
        let handler = failing(fixture.executionPolicy) { head, message in
            let status = head.metadata["status"]
            return MicroError(
                id: "go.micro.srv.test", httpCode: Int(head.metadata["code"] ?? "") ?? 0,
                detail: message.text,
                statusText: status)
        }
        try await fixture.withConnection(handler) { connection in
            for (code, text) in zip(codes, texts.cycled(to: codes.count)) {
                for status in [nil, "Custom Status"] {
                    var head = CallHead(path: "/conformance.Test/Fail", metadata: ["code": "\(code)"])
                    head.metadata["status"] = status
                    let wanted = MicroError(
                        id: "go.micro.srv.test", httpCode: code, detail: text, statusText: status)
                    let error = try await fixture.expectError(when: "A handler's code \(code)") {
                        _ = try await connection.unary(head, EncodedMessage(text: text))
                    }
                    guard let error else { continue }
                    let isSame =
                        error.id == wanted.id && error.httpCode == wanted.httpCode
                        && error.detail == wanted.detail
                        && error.statusText == wanted.statusText && error.status == wanted.status
                    fixture.findings.expect(
                        isSame,
                        "\(wanted) with the status \"\(wanted.statusText)\" arrived as \(error), \"\(error.statusText)\"."
                    )
                }
            }
        }
    }

    private static func details(_ fixture: Fixture) async throws {
        // A google.rpc.Status with code 9 and message "no".
        let status: [UInt8] = [0x08, 9, 0x12, 2, 0x6E, 0x6F]
        let handler = failing(fixture.executionPolicy) { _, _ in
            var error = MicroError(.failedPrecondition, "no")
            error.rpcDetails = status
            return error
        }
        try await fixture.withConnection(handler) { connection in
            let error = try await fixture.expectError(.failedPrecondition, when: "An error with details") {
                _ = try await connection.unary(CallHead(path: "/conformance.Test/Fail"), EncodedMessage())
            }
            fixture.findings.expect(error?.rpcDetails == status, "The details of a gRPC error are lost.")
        }
    }

    private static func refusal(_ fixture: Fixture) async throws {
        try await fixture.withConnection { head in
            .refuse(MicroError(.unimplemented, "There is no \(head.path)."))
        } _: { connection in
            let head = CallHead(path: "/conformance.Test/Nothing")
            for size in [0, 100, 200_000] {
                let error = try await fixture.expectError(.unimplemented, when: "A refused unary call") {
                    _ = try await connection.unary(head, EncodedMessage(size: size, seed: 0))
                }
                fixture.findings.expect(
                    error?.detail == "There is no /conformance.Test/Nothing.",
                    "The reason of a refusal is lost.")
            }
            try await fixture.expectError(.unimplemented, when: "A refused stream") {
                _ = try await connection.open(head).texts()
            }
        }
    }

    private static func errorBehindMessages(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { _ in
            .stream(
                { (_, stream) async throws(MicroError) -> Metadata in
                    for number in 0..<3 { try await stream.send(EncodedMessage(text: "\(number)")) }
                    var error = MicroError(id: "test", httpCode: 409, detail: "no more")
                    error.trailingMetadata = ["why": "that is why"]
                    throw error
                }, executionPolicy)
        } _: { connection in
            let call = try await connection.open(CallHead(path: "/conformance.Test/Fail"))
            for number in 0..<3 {
                let message = try await call.receive()
                fixture.findings.expect(
                    message?.text == "\(number)", "A message in front of an error is lost.")
            }
            let error = try await fixture.expectError(.alreadyExists, when: "An error behind messages") {
                _ = try await call.receive()
            }
            fixture.findings.expect(error?.detail == "no more", "The detail behind messages is lost.")
            fixture.findings.expect(
                error?.trailingMetadata["why"] == "that is why"
                    && call.trailingMetadata["why"] == "that is why",
                "The trailing metadata of an error are lost.")
        }
    }

    private static func errorWithoutMessages(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { _ in
            .stream(
                { (_, _) async throws(MicroError) -> Metadata in throw MicroError(.aborted, "at once") },
                executionPolicy)
        } _: { connection in
            let call = try await connection.open(CallHead(path: "/conformance.Test/Fail"))
            let error = try await fixture.expectError(.aborted, when: "An error of a stream") {
                _ = try await call.receive()
            }
            fixture.findings.expect(error?.detail == "at once", "The detail of a stream's error is lost.")
            try await fixture.expectError(.aborted, when: "Asking for the metadata of a failed call") {
                _ = try await call.metadata()
            }
        }
    }

    private static func isolation(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { head in
            if head.path.hasSuffix("Chat") { return .echoStream(executionPolicy) }
            return .unary(
                { (_, _) async throws(MicroError) -> UnaryReply in throw MicroError(.internal, "broken") },
                executionPolicy)
        } _: { connection in
            let call = try await connection.open(CallHead(path: "/conformance.Test/Chat"))
            for number in 0..<10 {
                try await fixture.expectError(.internal, when: "A failing call") {
                    _ = try await connection.unary(CallHead(path: "/conformance.Test/Fail"), EncodedMessage())
                }
                try await call.send(EncodedMessage(text: "\(number)"))
                fixture.findings.expect(
                    try await call.receive()?.text == "\(number)", "A failing call disturbs another.")
            }
            try await call.finish()
            _ = try await call.texts()
        }
    }
}

extension Array {
    /// The elements over and over, up to a count.
    fileprivate func cycled(to count: Int) -> [Element] { (0..<count).map { self[$0 % self.count] } }
}
