import CoreMetrics
import Foundation
import Micro
import MicroCore
import MicroHTTP1
import MicroMetricsPrometheus
import MicroTestSupport
import Testing

/// A service that links the product, scraped over HTTP.
@Suite(.timeLimit(.minutes(2))) struct ScrapeTests {
    @Test func countsAgreeWithWhatWasCalled() async throws {
        let metrics = PrometheusMetrics(address: ":0")
        try await makeService(metrics: metrics).withRunning { running in
            for _ in 0..<7 { try await running.client.hello() }
            for status in [RPCStatus.notFound, .notFound, .unavailable, RPCStatus(rawValue: 77)] {
                await running.client.fail(status)
            }
            let text = try await metrics.text()
            let hello =
                "rpc_method=\"Greeter.Hello\",rpc_response_status_code=\"OK\",rpc_system_name=\"grpc\""
            #expect(
                text.value("rpc_server_call_duration_seconds_count{\(hello),service_name=\"greeter\"}") == 7)
            let fail =
                "rpc_server_call_duration_seconds_count{rpc_method=\"Greeter.Fail\",rpc_response_status_code="
            let end = ",rpc_system_name=\"grpc\",service_name=\"greeter\"}"
            #expect(text.value("\(fail)\"NOT_FOUND\"\(end)") == 2)
            #expect(text.value("\(fail)\"UNAVAILABLE\"\(end)") == 1)
            #expect(text.value("\(fail)\"UNKNOWN\"\(end)") == 1)
            #expect(
                text.value("micro_client_nodes{server_address=\"greeter\",service_name=\"greeter\"}") == 1)
            #expect(text.value("micro_client_connections{service_name=\"greeter\",state=\"idle\"}") == 1)
            #expect(text.value("micro_client_connections_opened_total{service_name=\"greeter\"}") == 1)
            #expect((text.value("process_resident_memory_bytes") ?? 0) > 1_000_000)
            #expect((text.value("process_cpu_seconds_total") ?? 0) > 0)
        }
    }

    @Test func callsInFlightAreSeen() async throws {
        let (metrics, gate) = (PrometheusMetrics(address: ":0"), AsyncStream<Void>.makeStream())
        let service = makeService(metrics: metrics) {
            Endpoint("Greeter.Wait") { (request: Text, context) in
                for await _ in gate.stream { break }
                return request
            }
        }
        try await service.withRunning { running in
            async let reply = running.client.call(
                "greeter", "Greeter.Wait", Text(text: ""), returning: Text.self)
            let line =
                "rpc_server_active_requests{rpc_method=\"Greeter.Wait\",rpc_system_name=\"grpc\",service_name=\"greeter\"}"
            try await eventually("a call in flight") { try await metrics.text().value(line) == 1 }
            gate.continuation.yield()
            _ = try await reply
            try await eventually("no call in flight") { try await metrics.text().value(line) == 0 }
        }
    }

    @Test func unknownMethodsDoNotMakeThePageGrow() async throws {
        let metrics = PrometheusMetrics(address: ":0")
        try await makeService(metrics: metrics).withRunning { running in
            let before = try await metrics.text().split(separator: "\n")
                .filter { $0.hasPrefix("rpc_server") }.count
            for number in 0..<10_000 {
                _ = try? await running.client.callRaw(
                    "greeter", "Attack.M\(number)", message: EncodedMessage(), contentSubtype: "json")
            }
            let text = try await metrics.text()
            let after = text.split(separator: "\n").filter { $0.hasPrefix("rpc_server") }.count
            // One more status of one method.
            #expect(after - before <= MetricDescription.secondsBuckets.count + 3)
            #expect(
                text.value(
                    "rpc_server_call_duration_seconds_count{rpc_method=\"_OTHER\",rpc_response_status_code=\"UNIMPLEMENTED\",rpc_system_name=\"grpc\",service_name=\"greeter\"}"
                ) == 10_000)
        }
    }

    @Test func chosenByItsVariableAlone() async throws {
        let port = try FreePort.tcp()
        let service = makeService(environment: ["MICRO_METRICS_ADDRESS": ":\(port)"])
        try await service.withRunning { running in
            try await running.client.hello()
            let response = try await HTTP1Client().send(
                HTTP1Request(method: "GET", target: "/metrics"), to: "127.0.0.1:\(port)",
                as: .host("127.0.0.1"), timeout: .seconds(20))
            #expect(response.status == 200)
            #expect(response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
        }
    }

    @Test func offWithoutItsVariable() async throws {
        let metrics = PrometheusMetrics()
        try await makeService(metrics: metrics).withRunning { running in
            try await running.client.hello()
            #expect(metrics.factory == nil)
            #expect(metrics.address == nil)
        }
    }

    @Test(arguments: ["nonsense:x", "9464", "unix:/tmp/x", "127.0.0.1:99999"])
    func anAddressThatCanNotBeUsedEndsTheStart(address: String) async throws {
        for service in [
            makeService(environment: ["MICRO_METRICS_ADDRESS": address]),
            makeService(metrics: PrometheusMetrics(address: address)),
        ] {
            await #expect(throws: StartError.self) { try await service.withRunning { _ in } }
        }
    }

    @Test func aPortThatIsTakenEndsTheStart() async throws {
        let metrics = PrometheusMetrics(address: ":0")
        try await makeService(metrics: metrics).withRunning { _ in
            let server = try await HTTP1Server.open(on: .host("127.0.0.1", port: 0)) { _ in
                HTTP1Response(status: 200)
            }
            let other = makeService("other", environment: ["MICRO_METRICS_ADDRESS": "\(server.address)"])
            let error = await #expect(throws: StartError.self) { try await other.withRunning { _ in } }
            #expect(error?.message.contains("Can't listen on") == true)
            await server.shutdown(deadline: .now)
        }
    }

    @Test func servicesOfOneProcessShareAnAddress() async throws {
        let port = try FreePort.tcp()
        let environment = ["MICRO_METRICS_ADDRESS": "127.0.0.1:\(port)"]
        let (first, second) = (PrometheusMetrics(), PrometheusMetrics())
        try await makeService("greeter", metrics: first, environment: environment).withRunning { running in
            try await makeService("other", metrics: second, environment: environment).withRunning { _ in
                try await running.client.hello()
                let text = try await second.text()
                #expect(text.contains("service_name=\"greeter\""))
                #expect(text.contains("service_name=\"other\""))
                // What belongs to the process is not counted twice.
                let seconds = try #require(text.value("process_cpu_seconds_total"))
                #expect(seconds <= ProcessUsage.cpuSeconds)
            }
            // The first one serves on.
            #expect(try await first.get("/health/ready").status == 200)
        }
        await #expect(throws: HTTP1Failure.self) {
            try await HTTP1Client().send(
                HTTP1Request(method: "GET"), to: "127.0.0.1:\(port)", as: .host("127.0.0.1"),
                timeout: .seconds(5))
        }
    }

    @Test func healthFollowsTheService() async throws {
        let metrics = PrometheusMetrics(address: ":0")
        let seen = AsyncStream<Int>.makeStream()
        let service = makeService(metrics: metrics)
            .onStart { _ in seen.continuation.yield(try await metrics.get("/health/ready").status) }
            .onStop { _ in seen.continuation.yield(try await metrics.get("/health/ready").status) }
        try await service.withRunning { _ in
            seen.continuation.yield(try await metrics.get("/health/ready").status)
            #expect(try await metrics.get("/health/live").status == 200)
        }
        seen.continuation.finish()
        var statuses: [Int] = []
        for await status in seen.stream { statuses.append(status) }
        #expect(statuses == [503, 200, 503])
        #expect(metrics.address == nil)
    }

    @Test func answersWhatItIsAskedAndNothingElse() async throws {
        let metrics = PrometheusMetrics(address: ":0")
        try await makeService(metrics: metrics).withRunning { running in
            try await running.client.hello()
            #expect(try await metrics.get("/").status == 404)
            #expect(try await metrics.get("/metrics?name=x").status == 200)
            let post = try await metrics.get(method: "POST")
            #expect(post.status == 405)
            #expect(post.headers["Allow"] == "GET, HEAD")
            #expect(try await metrics.get(method: "HEAD").body.isEmpty)
            let open = try await metrics.get(accept: PrometheusMetrics.openMetrics)
            #expect(
                open.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8")
        }
    }

    @Test func manyScrapesAtOnce() async throws {
        let metrics = PrometheusMetrics(address: ":0")
        try await makeService(metrics: metrics).withRunning { running in
            try await running.client.hello()
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<40 { group.addTask { try await metrics.get().status } }
                for try await status in group { #expect(status == 200) }
            }
        }
    }

    @Test func anApplicationHasItsOwnMetrics() async throws {
        let metrics = PrometheusMetrics(
            address: ":0",
            descriptions: [
                MetricDescription("orders", .counter, unit: "{order}", labels: ["kind"], "the orders")
            ])
        let service = makeService(metrics: metrics) {
            Endpoint("Orders.Add") { (request: Text, context) in
                let factory = try context.part(.metrics).factory ?? NOOPMetricsHandler.instance
                Counter(label: "orders", dimensions: [("kind", request.text)], factory: factory).increment()
                return request
            }
        }
        try await service.withRunning { running in
            _ = try await running.client.call(
                "greeter", "Orders.Add", Text(text: "book"), returning: Text.self)
            let text = try await metrics.text()
            #expect(text.contains("# HELP orders_total the orders\n"))
            #expect(text.value("orders_total{kind=\"book\"}") == 1)
        }
    }

    @Test func runsLeaveNothingOpen() async throws {
        func descriptors() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        }
        func run() async throws {
            let metrics = PrometheusMetrics(address: ":0")
            try await makeService(metrics: metrics).withRunning { _ in _ = try await metrics.get() }
        }
        try await run()
        let before = try descriptors()
        for _ in 0..<20 { try await run() }
        // Sockets are closed on their loops, a moment later.
        try await eventually("no more descriptors than before") { try descriptors() <= before }
    }
}
