import Foundation
import Micro
import Testing

@testable import MicroMetricsPrometheus

/// docs/Observability.md, the alerts and the dashboard know the metrics that there are.
///
/// `make settings-pages` writes the table anew.
@Suite(.timeLimit(.minutes(2))) struct ObservabilityPageTests {
    @Test func theTableIsWhatThereIs() throws {
        let page = ObservabilityPage.root.appending(path: "docs/Observability.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        let begin = try #require(text.range(of: "<!-- metrics -->\n"))
        let end = try #require(text.range(of: "<!-- end of metrics -->"))
        let wanted = text[..<begin.upperBound] + ObservabilityPage.table + text[end.lowerBound...]
        if ProcessInfo.processInfo.environment["MICRO_WRITE_PAGES"] == "1" {
            try wanted.write(to: page, atomically: true, encoding: .utf8)
        } else {
            #expect(text == wanted, "docs/Observability.md is out of date: run make settings-pages")
        }
    }

    @Test(arguments: ["docs/prometheus/alerts.yml", "docs/grafana/service.json"])
    func onlyMetricsThatThereAreAreAskedFor(file: String) throws {
        let text = try String(contentsOf: ObservabilityPage.root.appending(path: file), encoding: .utf8)
        let used = text.matches(of: /\b(rpc|micro|messaging|process|server|service|error)_[a-z_]+/)
            .map { String($0.output.0) }
        #expect(used.count > 10)
        #expect(Set(used).subtracting(ObservabilityPage.names) == [])
    }

    @Test func theDashboardIsJSON() throws {
        let data = try Data(contentsOf: ObservabilityPage.root.appending(path: "docs/grafana/service.json"))
        let dashboard = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect((dashboard["panels"] as? [Any])?.count == 8)
    }
}

/// What the pages say.
enum ObservabilityPage {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static var table: String {
        let rows = MetricDescription.engine.map { metric in
            let suffix = metric.kind == .counter ? "_total" : ""
            let labels = metric.labels.map { "`\($0)`" }.joined(separator: " ")
            return "| `\(metric.name)`<br>`\(MetricRegistry.shownName(of: metric))\(suffix)` "
                + "| \(metric.kind.rawValue) | `\(metric.unit)` | \(labels) | \(metric.meaning) |"
        }
        return
            ([
                "| metric, and its name in Prometheus | kind | unit | labels | meaning |",
                "|---|---|---|---|---|",
            ]
            + rows).joined(separator: "\n") + "\n"
    }

    /// The names of all lines of a scrape, and of their labels.
    static var names: Set<String> {
        var names: Set<String> = []
        for metric in MetricDescription.engine {
            let name = MetricRegistry.shownName(of: metric)
            switch metric.kind {
            case .counter: names.insert("\(name)_total")
            case .gauge: names.insert(name)
            case .histogram: names.formUnion(["_bucket", "_sum", "_count"].map { name + $0 })
            }
            names.formUnion(metric.labels.map(LabelText.labelName))
        }
        return names
    }
}
