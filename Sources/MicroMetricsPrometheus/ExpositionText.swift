/// The text of a scrape, line by line.
struct ExpositionText {
    /// The forms of the text.
    enum Format {
        /// Prometheus's text format 0.0.4.
        case text
        /// OpenMetrics 1.0.
        case openMetrics

        /// The value of the field `Content-Type`.
        var contentType: String {
            switch self {
            case .text: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }
    }

    let format: Format
    private(set) var bytes: [UInt8] = []

    init(_ format: Format) { self.format = format }

    /// Writes what is known of a metric in front of its lines.
    ///
    /// - Parameters:
    ///   - name: Its name, for a counter without `_total`.
    ///   - type: What it is.
    ///   - unit: The unit with which the name ends; empty if it has none.
    ///   - help: What it means.
    mutating func header(_ name: String, type: MetricType, unit: String, help: String) {
        // The older format knows a counter by the name of its one line.
        let shown = format == .text && type == .counter ? "\(name)_total" : name
        if !help.isEmpty { append("# HELP \(shown) \(escapedHelp(help))\n") }
        append("# TYPE \(shown) \(type.rawValue)\n")
        if format == .openMetrics, !unit.isEmpty { append("# UNIT \(shown) \(unit)\n") }
    }

    /// Writes a value.
    ///
    /// - Parameters:
    ///   - name: The metric's name.
    ///   - suffix: What follows it.
    ///   - labels: The labels, without braces.
    ///   - value: The value.
    ///   - exemplar: A measurement as an example, which the older format can't have.
    mutating func line(
        _ name: String, _ suffix: String, _ labels: String, _ value: Double, exemplar: Exemplar? = nil
    ) {
        append(name)
        append(suffix)
        if !labels.isEmpty { append("{\(labels)}") }
        append(" ")
        append(Self.number(value))
        if format == .openMetrics, let exemplar {
            let trace = LabelText.escaped(exemplar.trace)
            append(
                " # {trace_id=\"\(trace)\"} \(Self.number(exemplar.value)) \(Self.number(exemplar.time))")
        }
        append("\n")
    }

    /// Ends the text.
    mutating func end() { if format == .openMetrics { append("# EOF\n") } }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private func escapedHelp(_ help: String) -> String {
        let text = help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
        return format == .openMetrics ? text.replacing("\"", with: "\\\"") : text
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int(exactly: value), whole.magnitude < 1 << 53 { return "\(whole)" }
        return "\(value)"
    }
}

/// What a metric is, as the formats name it.
enum MetricType: String {
    case counter, gauge, histogram
}
