import Logging
import Micro
import MicroCore
import MicroProtobuf
import MicroTestSupport
import SwiftProtobuf
import Testing

@testable import MicroDebug

/// go-micro's Debug endpoints of a service, and who may call them.
@Suite(.timeLimit(.minutes(1))) struct DebugTests {
    private let stranger = Peer(address: "192.0.2.7:4711")

    @Test func answersGoMicrosPaths() async throws {
        try await makeService { Shapes() }.withRunning { running in
            for path in ["/Debug/Health", "/shapes.Debug/Health", "Debug.Health"] {
                let reply = try await running.client.callRaw(
                    "shapes", path, message: EncodedMessage(Array("{}".utf8)), contentSubtype: "json")
                #expect(String(decoding: reply.message.bytes, as: UTF8.self) == #"{"status":"ok"}"#)
            }
            let binary = try await running.client.callRaw(
                "shapes", "Debug.Health", message: EncodedMessage([]), contentSubtype: "proto")
            #expect(binary.message.bytes == [0x0A, 0x02, 0x6F, 0x6B])
            #expect(running.record.endpoints?.contains { $0.name.hasPrefix("Debug") } == false)
        }
    }

    @Test func countsCallsAndErrors() async throws {
        try await makeService { Shapes() }.withRunning { running in
            let shapes = Shapes_V1_AllShapes.Client(running.client, service: "shapes")
            let debug = Debug_Debug.Client(running.client, service: "shapes")
            for _ in 0..<5 { _ = try await shapes.single(text("a")) }
            for _ in 0..<2 { _ = try? await shapes.single(text("fail")) }
            _ = try await shapes.out(text("ab")) { replies in for try await _ in replies {} }
            let stats = try await debug.stats(.init())
            // The call of Stats counts as well.
            #expect(stats.requests == 9)
            #expect(stats.errors == 2)
            #expect(stats.started <= stats.timestamp)
            #expect(stats.timestamp > 1_700_000_000)
            #if os(Linux)
                #expect(stats.memory > 1 << 20)
                #expect(stats.threads >= 1)
            #endif
        }
    }

    @Test func keepsTheServicesLog() async throws {
        let name = "logged-\(UInt32.random(in: .min ... .max))"
        try await makeService(name) { Shapes() }.withRunning { running in
            let debug = Debug_Debug.Client(running.client, service: name)
            let records = try await debug.log(.init()) { records in
                try await records.reduce(into: []) { $0.append($1) }
            }
            let line = records.first { record in
                record.message == "Service started." && record.metadata.values.contains(name)
            }
            #expect(line?.metadata["level"] == "notice")
            let few = try await debug.log(.with { $0.count = 1 }) { records in
                try await records.reduce(into: []) { $0.append($1) }
            }
            #expect(few.count == 1)
            let future = try await debug.log(.with { $0.since = .max }) { records in
                try await records.reduce(into: []) { $0.append($1) }
            }
            #expect(future.isEmpty)
        }
    }

    @Test func followsTheLog() async throws {
        let marker = "followed \(UInt32.random(in: .min ... .max))"
        let handler = DebugLogHandler(label: "test", buffer: .shared)
        try await makeService { Shapes() }.withRunning { running in
            let debug = Debug_Debug.Client(running.client, service: "shapes")
            try await debug.log(
                .with {
                    $0.stream = true; $0.count = 1
                }
            ) { records in
                // The first record is an old one; it tells that the stream is open.
                _ = try await records.next()
                Logger(label: "test", factory: { _ in handler }).info("\(marker)", metadata: ["key": "value"])
                while let record = try await records.next() {
                    guard record.message == marker else { continue }
                    #expect(record.metadata["key"] == "value")
                    #expect(record.metadata["logger"] == "test")
                    break
                }
            }
        }
    }

    @Test func logIsBounded() throws {
        let buffer = LogBuffer()
        let handler = DebugLogHandler(label: "", buffer: buffer)
        let logger = Logger(label: "", factory: { _ in handler })
        let long = String(repeating: "ä", count: 10_000)
        let fields = Dictionary(
            uniqueKeysWithValues: (0..<100).map { ("key\($0)", Logger.MetadataValue.string(long)) })
        logger.info("\(long)", metadata: fields)
        let entry = try #require(buffer.last(1, since: 0).first)
        #expect(entry.message.utf8.count < 4200)
        #expect(entry.metadata.count <= 33)
        #expect(entry.metadata.values.allSatisfy { $0.utf8.count < 1100 })
        logger.info("", metadata: [long: "value"])
        let keys = try #require(buffer.last(1, since: 0).first).metadata.keys
        #expect(keys.count == 2 && keys.allSatisfy { $0.utf8.count < 200 })
        for number in 0..<2000 { logger.info("\(number)") }
        logger.debug("not kept")
        let all = buffer.last(.max, since: 0)
        #expect(all.count == LogBuffer.capacity)
        #expect(all.first?.message == "976")
        #expect(all.last?.message == "1999")
    }

    @Test func strangersSeeHealthAndStatsOnly() async throws {
        try await makeService(peer: stranger) { Shapes() }.withRunning { running in
            let debug = Debug_Debug.Client(running.client, service: "shapes")
            #expect(try await debug.health(.init()).status == "ok")
            _ = try await debug.stats(.init())
            let log = await #expect(throws: MicroError.self) {
                try await debug.log(.init()) { records in for try await _ in records {} }
            }
            #expect(log?.status == .permissionDenied)
            #expect(log?.detail.contains("MICRO_DEBUG=open") == true)
            let trace = await #expect(throws: MicroError.self) { try await debug.trace(.init()) }
            #expect(trace?.status == .permissionDenied)
            let cache = await #expect(throws: MicroError.self) { try await debug.cache(.init()) }
            #expect(cache?.status == .permissionDenied)
        }
    }

    @Test func theSameMachineMayTrace() async throws {
        let peer = Peer(address: "10.0.0.7:4711", isLocal: true)
        try await makeService(peer: peer) { Shapes() }.withRunning { running in
            _ = try await Debug_Debug.Client(running.client, service: "shapes").trace(.init())
        }
    }

    @Test func anAddressThatLooksLocalIsNotEnough() async throws {
        try await makeService(peer: Peer(address: "127.0.0.1:5")) { Shapes() }.withRunning { running in
            let debug = Debug_Debug.Client(running.client, service: "shapes")
            await #expect(throws: MicroError.self) { try await debug.trace(.init()) }
        }
    }

    @Test func configurationLetsStrangersIn() async throws {
        try await makeService(peer: stranger, environment: ["MICRO_DEBUG": "open"]) { Shapes() }
            .withRunning { running in
                _ = try await Debug_Debug.Client(running.client, service: "shapes").trace(.init())
            }
        let operatorPeer = Peer(address: "192.0.2.7:1", identities: ["spiffe://test/ops"])
        let environment = ["MICRO_DEBUG_CALLERS": "other.test,spiffe://test/ops"]
        try await makeService(peer: operatorPeer, environment: environment) { Shapes() }.withRunning {
            running in
            _ = try await Debug_Debug.Client(running.client, service: "shapes").trace(.init())
        }
        try await makeService(peer: stranger, environment: environment) { Shapes() }.withRunning { running in
            let debug = Debug_Debug.Client(running.client, service: "shapes")
            await #expect(throws: MicroError.self) { try await debug.trace(.init()) }
        }
    }

    @Test func recordsCallsWhereAsked() async throws {
        try await makeService(environment: ["MICRO_DEBUG_TRACE": "on"]) { Shapes() }.withRunning { running in
            let shapes = Shapes_V1_AllShapes.Client(running.client, service: "shapes")
            let debug = Debug_Debug.Client(running.client, service: "shapes")
            let ids: Metadata = ["Micro-Trace-Id": "t1", "Micro-Span-Id": "s1"]
            _ = try await shapes.single(text("a"), options: .metadata(ids))
            _ = try? await shapes.single(text("fail"))
            let spans = try await debug.trace(.init()).spans
            #expect(spans.map(\.name) == ["shapes.AllShapes.Single", "shapes.AllShapes.Single"])
            #expect(spans.first?.trace == "t1" && spans.first?.parent == "s1")
            #expect(spans.last?.metadata["error"] == "told to fail")
            #expect(try await debug.trace(.with { $0.id = "t1" }).spans.count == 1)
        }
        try await makeService { Shapes() }.withRunning { running in
            _ = try await Shapes_V1_AllShapes.Client(running.client, service: "shapes").single(text("a"))
            #expect(
                try await Debug_Debug.Client(running.client, service: "shapes").trace(.init()).spans.isEmpty)
        }
    }

    @Test func canBeSwitchedOff() async throws {
        try await makeService(environment: ["MICRO_DEBUG": "off"]) { Shapes() }.withRunning { running in
            let debug = Debug_Debug.Client(running.client, service: "shapes")
            let error = await #expect(throws: MicroError.self) { try await debug.health(.init()) }
            #expect(error?.status == .unimplemented)
        }
        let wrong = makeService(environment: ["MICRO_DEBUG_TRACE": "a lot"]) { Shapes() }
        await #expect(throws: StartError.self) { try await wrong.withRunning { _ in } }
    }

    @Test func readsTheSystemsText() {
        let usage = ProcessUsage(status: "Name:\tx\nVmRSS:\t  2048 kB\nThreads:\t7\nOdd\n")
        #expect(usage.memory == 2 << 20)
        #expect(usage.threads == 7)
        #expect(ProcessUsage(status: "VmRSS: much kB\n").memory == 0)
    }
}
