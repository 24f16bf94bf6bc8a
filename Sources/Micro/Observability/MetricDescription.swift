/// What is known of a metric beside its name: what back ends show, and what `docs/Observability.md` lists.
public struct MetricDescription: Hashable, Sendable {
    /// What is measured.
    public enum Kind: String, Sendable {
        /// A number that only grows.
        case counter
        /// A number that grows and falls.
        case gauge
        /// How many measurements were how large.
        case histogram
    }

    /// The name, with points: `rpc.server.call.duration`.
    public let name: String

    /// What is measured.
    public let kind: Kind

    /// The unit in UCUM's notation: `s`, `By`, or what is counted, such as `{request}`.
    public let unit: String

    /// The names of its labels.
    public let labels: [String]

    /// The upper bounds of a histogram's buckets, in the unit.
    public let buckets: [Double]

    /// What it means, in one line that begins with a small letter.
    public let meaning: String

    /// Creates a description.
    ///
    /// - Parameters:
    ///   - name: The name, with points.
    ///   - kind: What is measured.
    ///   - unit: The unit in UCUM's notation.
    ///   - labels: The names of its labels.
    ///   - buckets: The upper bounds of a histogram's buckets.
    ///   - meaning: What it means, in one line that begins with a small letter.
    public init(
        _ name: String, _ kind: Kind, unit: String, labels: [String] = [], buckets: [Double] = [],
        _ meaning: String
    ) {
        self.name = name
        self.kind = kind
        self.unit = unit
        self.labels = labels
        self.buckets = buckets
        self.meaning = meaning
    }

    /// The buckets of durations in seconds that OpenTelemetry recommends for calls, and finer ones below them.
    public static let secondsBuckets: [Double] = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5,
        5,
        7.5, 10,
    ]

    /// The buckets of sizes in bytes.
    public static let byteBuckets: [Double] = [
        64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216,
    ]
}

/// The labels of the engine's metrics, by OpenTelemetry's names.
enum MetricLabels {
    static let service = "service.name"
    static let system = "rpc.system.name"
    static let method = "rpc.method"
    static let status = "rpc.response.status_code"
    static let server = "server.address"
    static let state = "state"
    static let reason = "reason"
    static let broker = "messaging.system"
    static let topic = "messaging.destination.name"
    static let error = "error.type"

    /// What stands for all values of a label that aren't known, or are too many, as in OpenTelemetry.
    static let other = "_OTHER"
}
