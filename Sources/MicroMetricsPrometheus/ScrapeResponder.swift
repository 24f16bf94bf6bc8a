import MicroCore
import MicroHTTP1

/// Answers the requests of a scrape server: `/metrics`, `/health/live` and `/health/ready`.
struct ScrapeResponder: Sendable {
    let registry: MetricRegistry

    func answer(_ request: HTTP1Request) -> HTTP1Response {
        let path = request.target.prefix { $0 != "?" }
        guard ["/metrics", "/health/live", "/health/ready"].contains(path) else {
            return Self.text(404, "There is /metrics, /health/live and /health/ready.")
        }
        guard request.method == "GET" || request.method == "HEAD" else {
            var response = Self.text(405, "It can be read only.")
            response.headers["Allow"] = "GET, HEAD"
            return response
        }
        switch path {
        case "/metrics":
            let format = ScrapeFormat.chosen(by: request.headers["Accept"] ?? "")
            return HTTP1Response(
                status: 200, headers: ["Content-Type": format.contentType], body: registry.text(format))
        case "/health/ready" where !registry.isReady:
            return Self.text(503, "not ready")
        default:
            return Self.text(200, "ok")
        }
    }

    private static func text(_ status: Int, _ text: String) -> HTTP1Response {
        HTTP1Response(
            status: status, headers: ["Content-Type": "text/plain; charset=utf-8"],
            body: Array("\(text)\n".utf8))
    }
}

/// Chooses the format that a scraper prefers.
enum ScrapeFormat {
    /// Returns the format for the value of the field `Accept`; the older one if it takes neither.
    static func chosen(by accept: String) -> ExpositionText.Format {
        var best: (format: ExpositionText.Format, quality: Double) = (.text, 0)
        for range in accept.split(separator: ",").prefix(32) {
            let parts = range.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            var parameters: [String: String] = [:]
            for part in parts.dropFirst() {
                let pair = part.split(separator: "=", maxSplits: 1)
                if pair.count == 2 { parameters[String(pair[0])] = String(pair[1]) }
            }
            let quality = parameters["q"].map { Double($0) ?? 0 } ?? 1
            switch (parts.first, parameters["version"]) {
            case ("application/openmetrics-text", nil), ("application/openmetrics-text", "1.0.0"):
                if quality > best.quality { best = (.openMetrics, quality) }
            case ("text/plain", nil), ("text/plain", "0.0.4"), ("text/*", _), ("*/*", _):
                if quality > best.quality { best = (.text, quality) }
            default:
                break
            }
        }
        return best.format
    }
}
