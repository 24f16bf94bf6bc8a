import MicroCore

/// When a client stops calling a node that answers badly, and for how long.
///
/// The figures are gRPC's (proposal A50) and Envoy's.
struct OutlierSettings: Sendable {
    private enum Keys {
        static let consecutive = Setting(
            "client.outlier.consecutive", .number(in: 0...1000), default: 5, scope: .shared,
            "after how many failures in a row a node is ejected: calls go to others; 0 for never")
        static let failures = Setting(
            "client.outlier.failures", .number(in: 0...100), default: 85, scope: .shared,
            "the percentage of failed calls in an interval from which a node is ejected, if it had 50 calls and four "
                + "others did; 0 for never")
        static let latency = Setting(
            "client.outlier.latency", .number(in: 0...1000), default: 5, scope: .shared,
            "how many times slower than the median of five nodes or more one must have been in an interval to be ejected; "
                + "0 for never")
        static let interval = Setting(
            "client.outlier.interval", .duration(in: .milliseconds(100) ... .seconds(3600)),
            default: .seconds(10), scope: .shared, "how often failures and latencies are compared")
        static let ejection = Setting(
            "client.outlier.ejection", .duration(in: .milliseconds(100) ... .seconds(3600)),
            default: .seconds(30), scope: .shared,
            "how long the first ejection lasts; the second twice as long, and so on")
        static let longest = Setting(
            "client.outlier.ejection.max", .duration(in: .milliseconds(100) ... .seconds(86_400)),
            default: .seconds(300), scope: .shared, "how long an ejection lasts at most")
        static let share = Setting(
            "client.outlier.share", .number(in: 0...100), default: 10, scope: .shared,
            "how many percent of a service's nodes are ejected at once at most, but at least one and never the last; 0 "
                + "switches ejection off")
    }

    /// What operators may set.
    static var declarations: [SettingDeclaration] {
        [
            Keys.consecutive.declaration, Keys.failures.declaration, Keys.latency.declaration,
            Keys.interval.declaration, Keys.ejection.declaration, Keys.longest.declaration,
            Keys.share.declaration,
        ]
    }

    /// How many failures in a row eject a node; `Int.max` for never.
    var consecutive = 5

    /// The percentage of failures from which a node is ejected; `nil` for none.
    var failurePercentage: Int? = 85

    /// How many nodes must have had enough calls in an interval for them to be compared.
    let minimumNodes = 5

    /// How many calls are enough.
    let minimumCalls = 50

    /// How many times slower than the median a node must be; `nil` for no matter how slow.
    var latencyFactor: Int? = 5

    /// How many measured calls are enough.
    let minimumSamples = 10

    /// A latency that is never too slow, whatever others have.
    let harmlessLatency = Duration.milliseconds(25)

    /// How often nodes are compared.
    var interval = Duration.seconds(10)

    /// How long the first ejection lasts.
    var ejection = Duration.seconds(30)

    /// How long any ejection lasts at most.
    var longestEjection = Duration.seconds(300)

    /// How many percent of the nodes may be ejected at once.
    var share = 10

    /// The defaults.
    init() {}

    init(_ settings: Settings) throws(StartError) {
        let consecutive = try settings[Keys.consecutive]
        self.consecutive = consecutive == 0 ? .max : consecutive
        let percentage = try settings[Keys.failures]
        failurePercentage = percentage == 0 ? nil : percentage
        let factor = try settings[Keys.latency]
        latencyFactor = factor == 0 ? nil : factor
        interval = try settings[Keys.interval]
        ejection = try settings[Keys.ejection]
        longestEjection = max(ejection, try settings[Keys.longest])
        share = try settings[Keys.share]
    }

    /// Whether nodes are watched at all.
    var isOn: Bool {
        share > 0 && (consecutive != .max || failurePercentage != nil || latencyFactor != nil)
    }

    /// Returns how many of some nodes may be ejected at once.
    func limit(of nodes: Int) -> Int { max(0, min(max(1, nodes * share / 100), nodes - 1)) }

    /// Returns how long an ejection lasts: each longer than the one before, and somewhat different by chance, so that
    /// clients which eject a node together don't come back together.
    ///
    /// - Parameter number: The number of the ejection, 1 for the first.
    /// - Returns: The time.
    func time(ofEjection number: Int) -> Duration {
        min(longestEjection, ejection * min(max(1, number), 1000) * Double.random(in: 0.9...1.1))
    }
}
