import CoreMetrics
import Foundation
import MetricsTestKit
import MicroBrokerMemory
import MicroCore
import MicroRegistryMemory
import MicroTestSupport
import MicroTransportMemory
import Testing

@testable import Micro

/// What the engine measures for a back end that the program has set up for swift-metrics.
@Suite(.timeLimit(.minutes(2))) struct MetricsTests {
    private func labels(
        _ method: String, client: String? = nil, _ more: (String, String)...
    ) -> [(String, String)] {
        [("service.name", "greeter"), ("rpc.system.name", "grpc"), ("rpc.method", method)]
            + (client.map { [("server.address", $0)] } ?? []) + more
    }

    private func status(_ name: String) -> (String, String) { ("rpc.response.status_code", name) }

    /// Runs a service whose metrics are kept, and one that fails on request.
    private func run(
        _ body: @escaping @Sendable (TestMetrics, RunningService) async throws -> Void
    ) async throws {
        let metrics = TestMetrics()
        try await withMetricsFactory(metrics) {
            let service = makeService(broker: MemoryBroker()) {
                hello
                Endpoint("Greeter.Fail") { (request: HelloRequest, context) -> HelloReply in
                    throw MicroError(.notFound, request.name)
                }
                Endpoint("Greeter.Count") {
                    (request: Number, replies: MessageWriter<Number>, context) in
                    for value in 0..<request.value { try await replies.write(Number(value: value)) }
                }
                Subscriber("greetings") { (event: HelloRequest, context) in
                    if event.name == "bad" { throw MicroError(.internal, "bad") }
                }
            }
            try await service.withRunning { running in try await body(metrics, running) }
        }
    }

    @Test func measuresCallsOnBothSides() async throws {
        try await run { [self] metrics, running in
            for _ in 0..<3 { _ = try await running.client.hello() }
            for _ in 0..<2 {
                await #expect(throws: MicroError.self) {
                    try await running.client.call(
                        "greeter", "Greeter.Fail", HelloRequest(name: "x"), returning: HelloReply.self)
                }
            }
            let server = try metrics.expectTimer(
                "rpc.server.call.duration", labels("Greeter.Hello", status("OK")))
            #expect(server.values.count == 3)
            let failed = try metrics.expectTimer(
                "rpc.server.call.duration", labels("Greeter.Fail", status("NOT_FOUND")))
            #expect(failed.values.count == 2)
            let client = try metrics.expectTimer(
                "rpc.client.call.duration", labels("Greeter.Hello", client: "greeter", status("OK")))
            #expect(client.values.count == 3)
            #expect(client.values.allSatisfy { $0 > 0 })
            let request = try metrics.expectRecorder(
                "rpc.server.request.size", labels("Greeter.Hello"))
            #expect(request.values == [16, 16, 16])
            let response = try metrics.expectRecorder(
                "rpc.client.response.size", labels("Greeter.Hello", client: "greeter"))
            #expect(response.values == [27, 27, 27])
        }
    }

    @Test func measuresEachMessageOfAStream() async throws {
        try await run { [self] metrics, running in
            let count = try await running.client.stream(
                "greeter", "Greeter.Count", Number(value: 4), returning: Number.self
            ) { replies in
                var count = 0
                for try await _ in replies { count += 1 }
                return count
            }
            #expect(count == 4)
            let server = try metrics.expectRecorder(
                "rpc.server.response.size", labels("Greeter.Count"))
            #expect(server.values.count == 4)
            let client = try metrics.expectRecorder(
                "rpc.client.response.size", labels("Greeter.Count", client: "greeter"))
            #expect(client.values.count == 4)
            let duration = try metrics.expectTimer(
                "rpc.client.call.duration", labels("Greeter.Count", client: "greeter", status("OK")))
            #expect(duration.values.count == 1)
        }
    }

    @Test func countsEvents() async throws {
        try await run { metrics, running in
            let topic = [
                ("service.name", "greeter"), ("messaging.system", "memory"),
                ("messaging.destination.name", "greetings"),
            ]
            for name in ["a", "b", "bad"] {
                try await running.client.publish("greetings", HelloRequest(name: name))
            }
            try await eventually("three events") {
                try metrics.expectCounter("messaging.client.consumed.messages", topic).values.count == 3
            }
            #expect(try metrics.expectCounter("messaging.client.sent.messages", topic).values.count == 3)
            #expect(try metrics.expectTimer("messaging.process.duration", topic).values.count == 2)
            let failed = topic + [("error.type", "_OTHER")]
            #expect(try metrics.expectTimer("messaging.process.duration", failed).values.count == 1)
        }
    }

    @Test func collectsGaugesForABackEndThatDoesNotAsk() async throws {
        try await run { metrics, running in
            _ = try await running.client.hello()
            let memory = try await eventually("a gauge") {
                try? metrics.expectMeter("process.memory.usage").values.last
            }
            #expect(memory > 1_000_000)
            #expect(try (metrics.expectMeter("process.unix.file_descriptor.count").values.last ?? 0) > 2)
        }
    }

    @Test func unknownMethodsAreOneMethod() async throws {
        try await run { metrics, running in
            for number in 0..<100 {
                await #expect(throws: MicroError.self) {
                    try await running.client.callRaw(
                        "greeter", "Unknown.Method\(number)", message: EncodedMessage(),
                        contentSubtype: "json")
                }
            }
            let methods = Set(
                metrics.timers.filter { $0.label == "rpc.server.call.duration" }.flatMap(\.dimensions)
                    .filter { $0.0 == "rpc.method" }.map(\.1))
            #expect(methods.isSubset(of: ["_OTHER", "Greeter.Hello", "Greeter.Fail", "Greeter.Count"]))
            let other = try metrics.expectTimer(
                "rpc.server.call.duration", labels("_OTHER", status("UNIMPLEMENTED")))
            #expect(other.values.count == 100)
        }
    }

    @Test func refusalsAreCountedForTheirEndpoint() async throws {
        try await run { [self] metrics, running in
            await #expect(throws: MicroError.self) {
                try await running.client.callRaw(
                    "greeter", "Greeter.Hello", message: EncodedMessage(), contentSubtype: "yaml")
            }
            let refused = try metrics.expectTimer(
                "rpc.server.call.duration", labels("Greeter.Hello", status("UNIMPLEMENTED")))
            #expect(refused.values.count == 1)
        }
    }

    @Test func namesThatAClientIsGivenFromOutsideAreBounded() async throws {
        try await run { metrics, running in
            for number in 0..<600 {
                _ = try? await running.client.callRaw(
                    "greeter", "Unknown.Method\(number)", message: EncodedMessage(), contentSubtype: "json")
            }
            let series = metrics.timers.filter { $0.label == "rpc.client.call.duration" }
            // One for success and one for the failure of each method that is kept, and of all others.
            #expect(series.count <= 2 * (InstrumentTable<CallInstruments>.limit + 1))
            #expect(series.contains { $0.dimensions.contains { $0 == ("rpc.method", "_OTHER") } })
        }
    }

    @Test func nothingIsMeasuredWhereNobodyWantsIt() async throws {
        let service = makeService { hello }
        try await service.withRunning { running in
            _ = try await running.client.hello()
            let engine = try #require(running.client.core.engine)
            #expect(engine.metrics == nil)
            let route = CallRoute(
                service: "greeter", endpoint: "Greeter.Hello", path: "/greeter.Greeter/Hello",
                subtype: "json",
                engine: engine)
            #expect(route.instruments == nil)
        }
    }

    @Test func aPartGoesBeforeWhatTheProcessHas() async throws {
        let (own, process) = (TestMetrics(), TestMetrics())
        try await withMetricsFactory(process) {
            let service = makeService { hello }.using(.metrics, GivenMetrics(metrics: own))
            try await service.withRunning { running in _ = try await running.client.hello() }
        }
        #expect(
            try own.expectTimer("rpc.server.call.duration", labels("Greeter.Hello", status("OK"))).values
                .count == 1)
        #expect(process.timers.isEmpty)
    }

    @Test func everyMetricHasADescription() async throws {
        try await run { metrics, running in
            _ = try await running.client.hello()
            try await running.client.publish("greetings", HelloRequest(name: "a"))
            let known = Dictionary(uniqueKeysWithValues: MetricDescription.engine.map { ($0.name, $0) })
            let used =
                metrics.timers.map { ($0.label, $0.dimensions) }
                + metrics.recorders.map { ($0.label, $0.dimensions) }
                + metrics.counters.map { ($0.label, $0.dimensions) }
                + metrics.meters.map { ($0.label, $0.dimensions) }
            #expect(used.count > 10)
            for (name, labels) in used {
                let description = try #require(known[name], "\(name) has no description")
                #expect(Set(labels.map(\.0)).isSubset(of: description.labels), "\(name)")
            }
        }
    }
}

/// A back end among the parts of a service.
private struct GivenMetrics: MetricsBackend {
    let metrics: TestMetrics

    var factory: (any MetricsFactory)? { metrics }

    func collect(from source: any MetricsSource) -> Bool { true }
}
