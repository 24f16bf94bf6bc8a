import Foundation
import Micro
import MicroCore
import MicroMetricsPrometheus
import MicroTestSupport
import Testing

/// What a real Prometheus makes of a service.
@Suite(.timeLimit(.minutes(2)), .serialized) struct PrometheusTests {
    @Test func scrapesAService() async throws {
        let metrics = PrometheusMetrics(address: ":0")
        try await makeService(metrics: metrics).withRunning { running in
            let address = try #require(metrics.address)
            let prometheus = try RealPrometheus(scraping: [address.description])
            try await prometheus.waitUntilReady()
            let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
            for _ in 0..<12 {
                try await running.client.hello(
                    options: CallOptions(metadata: ["traceparent": "00-\(trace)-00f067aa0ba902b7-01"]))
            }
            for _ in 0..<3 { await running.client.fail(.unavailable) }
            let total =
                "sum by (rpc_method, rpc_response_status_code) (rpc_server_call_duration_seconds_count)"
            try await eventually("all calls") {
                let counts = try await prometheus.query(total)
                func count(_ method: String, _ status: String) -> Double? {
                    counts.first {
                        $0.labels == ["rpc_method": method, "rpc_response_status_code": status]
                    }?.value
                }
                return count("Greeter.Hello", "OK") == 12 && count("Greeter.Fail", "UNAVAILABLE") == 3
            }
            // It prefers OpenMetrics, so it has seen the examples.
            try await eventually("an example") {
                let bytes = try await prometheus.get(
                    "/api/v1/query_exemplars",
                    [
                        "query": "rpc_server_call_duration_seconds_bucket",
                        "start": "\(Date().timeIntervalSince1970 - 600)",
                        "end": "\(Date().timeIntervalSince1970 + 600)",
                    ])
                return String(decoding: bytes, as: UTF8.self).contains(trace)
            }
            let up = try await prometheus.query("up")
            #expect(up.map(\.value) == [1])
            let quantile = try await prometheus.query(
                "histogram_quantile(0.99, sum by (le) (rpc_client_call_duration_seconds_bucket))")
            #expect(quantile.count == 1)
            await prometheus.stop()
        }
    }

    @Test func promtoolIsContentWithTheText() async throws {
        let metrics = PrometheusMetrics(address: ":0")
        try await makeService(metrics: metrics) {
            Subscriber("greetings") { (event: Text, context) in }
        }.withRunning { running in
            try await running.client.hello()
            await running.client.fail(.internal)
            try await running.client.publish("greetings", Text(text: "x"))
            let text = try await metrics.text()
            let complaints = try await PromTool.complaints(["check", "metrics"], input: text)
            #expect(complaints == nil, "\(complaints ?? "")")
        }
    }

    @Test func theAlertsAreRules() async throws {
        let file = ObservabilityPage.root.appending(path: "docs/prometheus/alerts.yml")
        #expect(try await PromTool.complaints(["check", "rules", file.path]) == nil)
    }
}
