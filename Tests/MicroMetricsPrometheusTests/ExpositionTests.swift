import CoreMetrics
import Micro
import Testing

@testable import MicroMetricsPrometheus

/// The text of a scrape, byte by byte.
@Suite(.timeLimit(.minutes(2))) struct ExpositionTests {
    private let registry = MetricRegistry(
        descriptions: [
            MetricDescription(
                "jobs.time", .histogram, unit: "s", labels: ["kind"], buckets: [0.5, 1],
                "how long \"jobs\" took\nat all \\"),
            MetricDescription("jobs", .counter, unit: "{job}", "the jobs"),
        ], limit: 3)

    private func text(_ format: ExpositionText.Format = .text) -> String {
        String(decoding: registry.text(format), as: UTF8.self)
    }

    @Test func textFormat() {
        registry.makeCounter(label: "jobs", dimensions: []).increment(by: 5)
        registry.makeTimer(label: "jobs.time", dimensions: [("kind", "a")]).recordNanoseconds(500_000_000)
        registry.makeTimer(label: "jobs.time", dimensions: [("kind", "a")]).recordNanoseconds(2_000_000_000)
        registry.makeMeter(label: "level", dimensions: []).set(-1.5)
        #expect(
            text() == """
                # HELP jobs_total the jobs
                # TYPE jobs_total counter
                jobs_total 5
                # HELP jobs_time_seconds how long "jobs" took\\nat all \\\\
                # TYPE jobs_time_seconds histogram
                jobs_time_seconds_bucket{kind="a",le="0.5"} 1
                jobs_time_seconds_bucket{kind="a",le="1.0"} 1
                jobs_time_seconds_bucket{kind="a",le="+Inf"} 2
                jobs_time_seconds_sum{kind="a"} 2.5
                jobs_time_seconds_count{kind="a"} 2
                # TYPE level gauge
                level -1.5

                """)
    }

    @Test func openMetrics() throws {
        registry.makeCounter(label: "jobs_total", dimensions: []).increment(by: 1)
        let timer = try #require(
            registry.makeTimer(label: "jobs.time", dimensions: []) as? any ExemplarTimerHandler)
        timer.recordNanoseconds(250_000_000, at: 1) { "4bf9\"\\" }
        // Not a second later, so the first one stays.
        timer.recordNanoseconds(260_000_000, at: 2) { "other" }
        timer.recordNanoseconds(750_000_000, at: 3) { String(repeating: "x", count: 121) }
        let text = text(.openMetrics)
        #expect(text.hasPrefix("# TYPE jobs counter\njobs_total 1\n"))
        #expect(text.contains("# UNIT jobs_time_seconds seconds\n"))
        #expect(text.contains("# HELP jobs_time_seconds how long \\\"jobs\\\" took\\nat all \\\\\n"))
        let bucket = text.split(separator: "\n").first { $0.contains("le=\"0.5\"") }
        #expect(
            bucket?.hasPrefix("jobs_time_seconds_bucket{le=\"0.5\"} 2 # {trace_id=\"4bf9\\\"\\\\\"} 0.25 1")
                == true)
        // A trace that is too long for an example is none.
        #expect(text.contains("jobs_time_seconds_bucket{le=\"1.0\"} 3\n"))
        #expect(text.hasSuffix("# EOF\n"))
    }

    @Test func namesAndLabelsAreMadeFit() {
        registry.makeMeter(
            label: "7 days/é", dimensions: [("a.b", "x\"y\\z\nw"), ("__own", ""), ("a_b", "second")]
        ).set(Double.nan)
        registry.makeTimer(label: "t", dimensions: [("le", "5")]).recordNanoseconds(1)
        let text = text()
        #expect(text.contains("_7_days__{a_b=\"x\\\"y\\\\z\\nw\",label__own=\"\"} NaN\n"))
        #expect(text.contains("t_seconds_count{exported_le=\"5\"} 1\n"))
    }

    @Test func labelsBeyondTheLimitAreCountedTogether() {
        for number in 0..<10_000 {
            registry.makeCounter(label: "hits", dimensions: [("path", "/\(number)")]).increment(by: 1)
        }
        let lines = text().split(separator: "\n").filter { $0.hasPrefix("hits_total") }
        #expect(
            lines == [
                "hits_total{path=\"/0\"} 1", "hits_total{path=\"/1\"} 1", "hits_total{path=\"/2\"} 1",
                "hits_total{path=\"_OTHER\"} 9997",
            ])
    }

    @Test func aNameOfTwoKindsIsShownOnce() {
        registry.makeMeter(label: "x", dimensions: []).set(1.0)
        registry.makeCounter(label: "x", dimensions: []).increment(by: 1)
        #expect(text() == "# TYPE x gauge\nx 1\n")
    }

    @Test func whatIsDestroyedIsGone() {
        let meter = registry.makeMeter(label: "x", dimensions: [("a", "1")])
        registry.makeMeter(label: "x", dimensions: [("a", "2")]).set(2.0)
        registry.destroyMeter(meter)
        #expect(text() == "# TYPE x gauge\nx{a=\"2\"} 2\n")
    }

    @Test func countsWhatManyThreadsCount() async {
        let counter = registry.makeCounter(label: "n", dimensions: [])
        let timer = registry.makeTimer(label: "t", dimensions: [])
        await withDiscardingTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<10_000 {
                        counter.increment(by: 1)
                        timer.recordNanoseconds(1_000_000)
                    }
                }
            }
        }
        let text = text()
        #expect(text.value("n_total") == 80_000)
        #expect(text.value("t_seconds_count") == 80_000)
        #expect(text.value("t_seconds_sum") == 80)
    }
}
