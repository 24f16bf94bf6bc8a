public import MicroCore
import Synchronization

/// The promises of `Codec`, as checks that any codec can be put to.
///
/// ```swift
/// @Test func keepsThePromisesOfACodec() async throws {
///     try await CodecConformance(MyCodec(), samples: [Order(id: "1"), Order()]).run()
/// }
/// ```
public struct CodecConformance<Value: Sendable & Equatable>: Sendable {
    /// The codec.
    public var codec: any Codec

    /// Values that the codec can write, which should be as different as values of the type can be.
    public var samples: [Value]

    /// Bytes that are no value of the type, whatever the subtype.
    public var garbage: [[UInt8]] = [[0xFF, 0xFF, 0xFF, 0xFF], Array("{\"".utf8)]

    /// What an empty body stands for; `nil` if it is an error.
    public var emptyValue: Value?

    /// Creates a suite.
    ///
    /// - Parameters:
    ///   - codec: The codec.
    ///   - samples: Values that the codec can write.
    ///   - emptyValue: What an empty body stands for; `nil` if it is an error.
    public init(_ codec: any Codec, samples: [Value], emptyValue: Value? = nil) {
        self.codec = codec
        self.samples = samples
        self.emptyValue = emptyValue
    }

    /// Runs all checks.
    ///
    /// - Throws: A ``ConformanceFailure`` that lists the broken promises.
    public func run() async throws {
        let findings = Findings(patience: .seconds(60))
        let subtypes = codec.contentSubtypes
        findings.expect(!subtypes.isEmpty, "The codec serves no content subtype.")
        findings.expect(
            Set(subtypes).count == subtypes.count, "A content subtype is listed twice: \(subtypes).")
        findings.expect(
            subtypes.allSatisfy { $0 == $0.lowercased() && !$0.isEmpty },
            "A subtype isn't lower-case: \(subtypes).")
        findings.expect(
            codec.coder(for: Value.self, subtype: "no-such-subtype") == nil,
            "There is a coder for any subtype.")
        for subtype in subtypes {
            findings.expect(
                codec.coder(for: NoCodecKnowsThis.self, subtype: subtype) == nil,
                "There is a coder for any type.")
            guard let coder = codec.coder(for: Value.self, subtype: subtype) else {
                findings.expect(false, "There is no \(subtype) coder for \(Value.self).")
                continue
            }
            await findings.phase("the subtype \(subtype)") {
                checkEmpty(coder, subtype, findings)
                checkGarbage(coder, subtype, findings)
                for sample in samples { try check(sample, coder, subtype, findings) }
                try await checkConcurrency(coder, subtype, findings)
            }
        }
        try findings.report("codec")
    }

    private struct NoCodecKnowsThis: Sendable {}

    private func decode(_ bytes: [UInt8], _ coder: MessageCoder<Value>) throws -> Value {
        try coder.decode(bytes.span.bytes)
    }

    private func check(
        _ sample: Value, _ coder: MessageCoder<Value>, _ subtype: String, _ findings: Findings
    ) throws {
        let message = try coder.encode(sample)
        findings.expect(
            try message.withBytes(coder.decode) == sample, "\(subtype): \(sample) came back different.")
        findings.expect(message.count == message.bytes.count, "\(subtype): the headroom is wrong.")
        // What is cut off or damaged is an error or another value, and never the end of the process.
        let bytes = message.bytes
        for count in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 200)) {
            _ = try? decode(Array(bytes.prefix(count)), coder)
        }
        var random = SeededGenerator(42)
        for _ in 0..<(bytes.isEmpty ? 0 : 500) {
            var damaged = bytes
            for _ in 0..<3 {
                damaged[Int(random.next() % UInt64(damaged.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            _ = try? decode(damaged, coder)
        }
    }

    private func checkEmpty(_ coder: MessageCoder<Value>, _ subtype: String, _ findings: Findings) {
        let result = Result { try decode([], coder) }
        switch (result, emptyValue) {
        case (.success(let value), let wanted):
            findings.expect(
                value == wanted, "\(subtype): an empty body is read as \(value).")
        case (.failure(let error), let wanted?):
            findings.expect(false, "\(subtype): an empty body should be \(wanted), and is an error: \(error)")
        case (.failure, nil): break
        }
    }

    private func checkGarbage(_ coder: MessageCoder<Value>, _ subtype: String, _ findings: Findings) {
        for bytes in garbage {
            let result = Result { try decode(bytes, coder) }
            if case .success(let value) = result {
                findings.expect(false, "\(subtype): \(bytes.count) bytes of garbage are read as \(value).")
            }
        }
        // Values in values without end must not use up the stack.
        for unit in ["[", "{\"a\":", "\"", "\n"] {
            _ = try? decode(Array(String(repeating: unit, count: 200_000).utf8), coder)
        }
    }

    private func checkConcurrency(
        _ coder: MessageCoder<Value>, _ subtype: String, _ findings: Findings
    ) async throws {
        try await withThrowingTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for sample in samples {
                        for _ in 0..<50 {
                            let copy = try coder.encode(sample).withBytes(coder.decode)
                            findings.expect(copy == sample, "\(subtype): a coder can't be used concurrently.")
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
