import MicroCore
import MicroPluginKit
import Synchronization

// Back-pressure, sizes and many calls.
extension TransportConformance {
    static let flowPhases: [(String, Check)] = [
        ("a client that doesn't read stops its own call only", slowClient),
        ("a handler that doesn't read stops its own call only", slowHandler),
        ("large messages", largeMessages),
        ("messages above the limit", tooLargeMessages),
        ("many calls at once", manyCalls),
    ]

    /// What a flood consists of: far more than any bounded buffer holds.
    private static let floodCount = 2000
    private static let floodSize = 16 << 10

    /// Waits until a counter makes no more progress.
    private static func waitForStall(_ counter: Counter, _ fixture: Fixture) async throws {
        var last = -1
        while last != counter.value {
            last = counter.value
            try await Task.sleep(for: fixture.suite.stallTime)
        }
    }

    private static func expectStall(_ sent: Int, _ who: String, _ fixture: Fixture) {
        fixture.findings.expect(
            sent < floodCount,
            "\(who) could send \(sent) messages of \(floodSize) bytes to a peer that didn't read: "
                + "the buffer has no bound.")
    }

    private static func expectEchoes(_ connection: any Connection, _ fixture: Fixture) async throws {
        for number in 0..<20 {
            let head = CallHead(path: "/conformance.Test/Echo", deadline: .now + .seconds(20))
            let reply = try await connection.unary(head, EncodedMessage(size: 1000, seed: number))
            fixture.findings.expect(
                reply.message == EncodedMessage(size: 1000, seed: number),
                "An echo beside a stalled call is wrong.")
        }
    }

    private static func slowClient(_ fixture: Fixture) async throws {
        let sent = Counter()
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { head in
            guard head.path.hasSuffix("Flood") else {
                return .unary({ _, message in UnaryReply(message) }, executionPolicy)
            }
            return .serverStream(
                { (_, _, stream) async throws(MicroError) -> Metadata in
                    for number in 0..<floodCount {
                        try await stream.send(EncodedMessage(size: floodSize, seed: number))
                        sent.increment()
                    }
                    return [:]
                }, executionPolicy)
        } _: { connection in
            let call = try await connection.open(CallHead(path: "/conformance.Test/Flood"))
            try await call.send(EncodedMessage())
            try await call.finish()
            try await waitForStall(sent, fixture)
            expectStall(sent.value, "A server", fixture)
            try await expectEchoes(connection, fixture)
            var number = 0
            while let message = try await call.receive() {
                fixture.findings.expect(
                    message.count == floodSize && message.bytes.first == UInt8(truncatingIfNeeded: number),
                    "Message \(number) of a flood arrived out of order.")
                number += 1
            }
            fixture.findings.expect(number == floodCount, "Of \(floodCount) messages \(number) arrived.")
        }
    }

    private static func slowHandler(_ fixture: Fixture) async throws {
        let read = Latch()
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { head in
            guard head.path.hasSuffix("Sink") else {
                return .unary({ _, message in UnaryReply(message) }, executionPolicy)
            }
            return .stream(
                { (_, stream) async throws(MicroError) -> Metadata in
                    try await read.waitInHandler()
                    var number = 0
                    while let message = try await stream.receive() {
                        guard message.bytes.first == UInt8(truncatingIfNeeded: number) else {
                            throw MicroError(.internal, "Message \(number) arrived out of order.")
                        }
                        number += 1
                    }
                    try await stream.send(EncodedMessage(text: "\(number)"))
                    return [:]
                }, executionPolicy)
        } _: { connection in
            let sent = Counter()
            let call = try await connection.open(CallHead(path: "/conformance.Test/Sink"))
            try await withThrowingTaskGroup { group in
                group.addTask {
                    for number in 0..<floodCount {
                        try await call.send(EncodedMessage(size: floodSize, seed: number))
                        sent.increment()
                    }
                    try await call.finish()
                }
                try await waitForStall(sent, fixture)
                expectStall(sent.value, "A client", fixture)
                try await expectEchoes(connection, fixture)
                read.open()
                try await group.waitForAll()
            }
            let texts = try await call.texts()
            fixture.findings.expect(
                texts == ["\(floodCount)"], "A handler that began to read late got \(texts).")
        }
    }

    private static func largeMessages(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        let size = min(3 << 20, fixture.suite.maximumMessageSize ?? .max)
        try await fixture.withConnection { head in
            head.path.hasSuffix("Echo")
                ? .unary({ _, message in UnaryReply(message) }, executionPolicy)
                : .echoStream(executionPolicy)
        } _: { connection in
            let message = EncodedMessage(size: size, seed: 1)
            let reply = try await connection.unary(CallHead(path: "/conformance.Test/Echo"), message)
            fixture.findings.expect(
                reply.message == message, "A message of \(size) bytes came back different.")
            let call = try await connection.open(CallHead(path: "/conformance.Test/Chat"))
            for _ in 0..<3 {
                try await call.send(message)
                fixture.findings.expect(
                    try await call.receive() == message,
                    "A streamed message of \(size) bytes came back different.")
            }
            try await call.finish()
            _ = try await call.texts()
        }
    }

    private static func tooLargeMessages(_ fixture: Fixture) async throws {
        guard let limit = fixture.suite.maximumMessageSize else { return }
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { head in
            guard head.path.hasSuffix("Grow") else {
                return .unary({ _, message in UnaryReply(message) }, executionPolicy)
            }
            return .unary({ _, _ in UnaryReply(EncodedMessage(size: limit + 1, seed: 0)) }, executionPolicy)
        } _: { connection in
            let exact = EncodedMessage(size: limit, seed: 0)
            let reply = try await connection.unary(CallHead(path: "/conformance.Test/Echo"), exact)
            fixture.findings.expect(
                reply.message == exact, "A message of exactly the limit came back different.")
            try await fixture.expectError(.resourceExhausted, when: "A request above the limit") {
                _ = try await connection.unary(
                    CallHead(path: "/conformance.Test/Echo"), EncodedMessage(size: limit + 1, seed: 0))
            }
            try await fixture.expectError(.resourceExhausted, when: "A reply above the limit") {
                _ = try await connection.unary(CallHead(path: "/conformance.Test/Grow"), EncodedMessage())
            }
            try await expectEchoes(connection, fixture)
        }
    }

    private static func manyCalls(_ fixture: Fixture) async throws {
        let executionPolicy = fixture.executionPolicy
        try await fixture.withConnection { head in
            head.path.hasSuffix("Echo")
                ? .unary(
                    { _, message in
                        await Task.yield()
                        return UnaryReply(message)
                    }, executionPolicy) : .echoStream(executionPolicy)
        } _: { connection in
            try await withThrowingTaskGroup { group in
                for number in 0..<fixture.suite.concurrentCalls {
                    group.addTask {
                        let message = EncodedMessage(size: number % 500, seed: number)
                        if number.isMultiple(of: 2) {
                            let head = CallHead(path: "/conformance.Test/Echo")
                            let reply = try await connection.unary(head, message)
                            fixture.findings.expect(
                                reply.message == message, "Call \(number) got another's reply.")
                        } else {
                            let call = try await connection.open(CallHead(path: "/conformance.Test/Chat"))
                            for _ in 0..<3 {
                                try await call.send(message)
                                fixture.findings.expect(
                                    try await call.receive() == message,
                                    "Stream \(number) got another's message.")
                            }
                            try await call.finish()
                            _ = try await call.texts()
                        }
                    }
                }
                try await group.waitForAll()
            }
            fixture.findings.expect(connection.activeCalls == 0, "Calls that are over count as active.")
        }
    }
}

/// A number that several tasks count up.
final class Counter: Sendable {
    private let count = Atomic(0)

    var value: Int { count.load(ordering: .relaxed) }

    func increment() { count.wrappingAdd(1, ordering: .relaxed) }
}
