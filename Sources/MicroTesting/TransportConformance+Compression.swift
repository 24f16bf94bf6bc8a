import MicroCore

// Messages that are to be compressed arrive as they were sent, whether or not a transport compresses.
extension TransportConformance {
    static let compressionPhases: [(String, Check)] = [
        ("unary calls that ask for compression", compressedUnaryCalls),
        ("streams that ask for compression", compressedStreams),
    ]

    /// Messages that get smaller, and some that don't.
    private static let samples: [EncodedMessage] = [
        EncodedMessage(), EncodedMessage(text: "x"), EncodedMessage(size: 100_000, seed: 3),
        EncodedMessage(size: 3_000_000, seed: 4),
    ]

    private static func compressedUnaryCalls(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { head in
            .unary(
                { (_, message) async throws(MicroError) -> UnaryReply in
                    UnaryReply(message, metadata: ["a": "b"], compression: head.path.compression)
                }, executionPolicy)
        } _: { connection in
            for compression in Compression.allCases {
                for sample in samples where sample.count <= fixture.suite.maximumMessageSize ?? .max {
                    let head = CallHead(path: "/conformance.Test/\(compression)", compression: compression)
                    let reply = try await connection.unary(head, sample)
                    fixture.findings.expect(
                        reply.message == sample,
                        "A message of \(sample.count) bytes came back different with \(compression).")
                    fixture.findings.expect(
                        reply.metadata["a"] == "b", "Metadata are lost with \(compression).")
                }
            }
        }
    }

    private static func compressedStreams(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { head in
            .stream(
                { (_, stream) async throws(MicroError) -> Metadata in
                    try await stream.sendMetadata(["a": "b"], compression: head.path.compression)
                    var skips = false
                    while var message = try await stream.receive() {
                        message.skipsCompression = skips
                        skips.toggle()
                        try await stream.send(message)
                    }
                    return [:]
                }, executionPolicy)
        } _: { connection in
            for compression in Compression.allCases {
                let head = CallHead(path: "/conformance.Test/\(compression)", compression: compression)
                let call = try await connection.open(head)
                for (number, sample) in samples.dropLast().enumerated() {
                    var message = sample
                    message.skipsCompression = number % 2 == 1
                    try await call.send(message)
                    let echo = try await call.receive()
                    fixture.findings.expect(
                        echo == sample,
                        "A message of \(sample.count) bytes of a stream came back different with \(compression)."
                    )
                }
                try await call.finish()
                fixture.findings.expect(
                    try await call.receive() == nil, "A stream with \(compression) does not end.")
                fixture.findings.expect(
                    try await call.metadata()["a"] == "b", "A stream's metadata are lost with \(compression)."
                )
            }
        }
    }
}

extension String {
    /// The compression that a path of these checks names.
    fileprivate var compression: Compression {
        split(separator: "/").last.flatMap { Compression(rawValue: String($0)) } ?? .identity
    }
}
