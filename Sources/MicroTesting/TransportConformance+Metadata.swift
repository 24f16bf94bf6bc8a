import MicroCore

// What travels beside the messages.
extension TransportConformance {
    static let metadataPhases: [(String, Check)] = [
        ("metadata of a request", requestMetadata),
        ("metadata of a unary reply", replyMetadata),
        ("metadata of a stream", streamMetadata),
        ("metadata that nobody sends", absentMetadata),
    ]

    /// Fields of every kind: text, empty, long, several values, binary, with upper case in a name.
    private static var sample: Metadata {
        var metadata: Metadata = ["Plain": "value", "empty": "", "spaces": "a b, c=d; e"]
        metadata.add("first", for: "multi")
        metadata.add("second", for: "multi")
        metadata.add("third", for: "multi")
        metadata.add(String(repeating: "x", count: 2000), for: "long")
        metadata.add((0...255).map { UInt8($0) }, for: "all-bytes-bin")
        metadata.add([], for: "no-bytes-bin")
        metadata.add([1], for: "multi-bin")
        metadata.add([2, 3], for: "multi-bin")
        return metadata
    }

    /// Checks that the sample has arrived.
    private static func expectSample(_ metadata: Metadata, _ what: String, _ fixture: Fixture) {
        for name in ["Plain", "plain", "empty", "spaces", "long"] {
            fixture.findings.expect(
                metadata[name] == sample[name],
                "\(what): \"\(name)\" should be \"\(sample[name] ?? "")\", and is \(metadata[name] ?? "missing")."
            )
        }
        let multi = metadata.values(for: "multi")
        fixture.findings.expect(
            multi == ["first", "second", "third"], "\(what): three values of one name arrived as \(multi).")
        fixture.findings.expect(
            metadata.bytes(for: "all-bytes-bin") == sample.bytes(for: "all-bytes-bin"),
            "\(what): a binary value arrived different.")
        fixture.findings.expect(
            metadata.bytes(for: "no-bytes-bin") == [], "\(what): an empty binary value is lost.")
        let multiBinary = metadata.allBytes(for: "multi-bin")
        fixture.findings.expect(
            multiBinary == [[1], [2, 3]], "\(what): two binary values of one name arrived as \(multiBinary).")
        let reserved = metadata.map(\.name).filter { $0.hasPrefix(":") || $0 == "grpc-timeout" || $0 == "te" }
        fixture.findings.expect(
            reserved.isEmpty, "\(what): the protocol's own fields \(reserved) are among the user's.")
    }

    private static func requestMetadata(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { head in
            expectSample(head.metadata, "A request", fixture)
            return .unary({ _, message in UnaryReply(message) }, executionPolicy)
        } _: { connection in
            let head = CallHead(path: "/conformance.Test/Echo", metadata: sample)
            _ = try await connection.unary(head, EncodedMessage())
            // A second time: a transport may remember what it has sent.
            _ = try await connection.unary(head, EncodedMessage())
        }
    }

    private static func replyMetadata(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { _ in
            .unary(
                { _, message in UnaryReply(message, metadata: sample, trailingMetadata: sample) },
                executionPolicy)
        } _: { connection in
            let reply = try await connection.unary(CallHead(path: "/conformance.Test/Echo"), EncodedMessage())
            expectSample(reply.metadata, "A unary reply, in front", fixture)
            expectSample(reply.trailingMetadata, "A unary reply, behind", fixture)
        }
    }

    private static func streamMetadata(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { _ in
            .stream(
                { (_, stream) async throws(MicroError) -> Metadata in
                    try await stream.sendMetadata(sample)
                    // They are sent once; what comes later is dropped.
                    try await stream.sendMetadata(["late": "yes"])
                    while let message = try await stream.receive() { try await stream.send(message) }
                    return sample
                }, executionPolicy)
        } _: { connection in
            let call = try await connection.open(CallHead(path: "/conformance.Test/Chat"))
            let metadata = try await call.metadata()
            expectSample(metadata, "A stream, in front", fixture)
            fixture.findings.expect(metadata["late"] == nil, "Metadata that were sent a second time arrived.")
            fixture.findings.expect(
                call.trailingMetadata.isEmpty, "Trailing metadata are there before the end.")
            try await call.send(EncodedMessage(text: "one"))
            try await call.finish()
            fixture.findings.expect(try await call.texts() == ["one"], "A message behind metadata is lost.")
            expectSample(call.trailingMetadata, "A stream, behind", fixture)
            expectSample(try await call.metadata(), "A stream, in front, asked again", fixture)
        }
    }

    private static func absentMetadata(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { _ in
            .echoStream(executionPolicy)
        } _: { connection in
            let call = try await connection.open(CallHead(path: "/conformance.Test/Chat"))
            try await call.finish()
            fixture.findings.expect(
                try await call.metadata()["plain"] == nil, "A call without metadata has some.")
            fixture.findings.expect(try await call.texts().isEmpty, "A call without messages has some.")
        }
    }
}
