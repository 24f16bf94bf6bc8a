import Testing

@testable import MicroMetricsPrometheus

/// Which format a scraper gets.
@Suite(.timeLimit(.minutes(2))) struct FormatTests {
    @Test(arguments: [
        ("", false), ("*/*", false), ("text/plain;version=0.0.4", false),
        ("application/openmetrics-text", true),
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1", true),
        ("application/openmetrics-text; version=1.0.0; q=0.2, text/plain;q=0.3", false),
        ("application/openmetrics-text;version=2.0.0,*/*;q=0.1", false),
        ("application/json", false), ("application/openmetrics-text;q=0", false), (",;=,;q=x", false),
    ])
    func prefersWhatTheScraperPrefers(accept: String, isOpenMetrics: Bool) {
        #expect((ScrapeFormat.chosen(by: accept) == .openMetrics) == isOpenMetrics)
    }
}
