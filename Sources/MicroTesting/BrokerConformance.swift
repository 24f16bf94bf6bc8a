public import MicroCore

/// The promises of `Broker`, as checks that any broker can be put to.
///
/// ```swift
/// @Test func keepsThePromisesOfABroker() async throws {
///     try await BrokerConformance {
///         let server = MyServer()
///         return (publisher: MyBroker(server), subscriber: MyBroker(server))
///     }.run()
/// }
/// ```
///
/// Each check has two brokers that reach each other, as two services have. All topics begin with
/// `conformance.` and a random part, so others may use what stands behind the brokers as well.
public struct BrokerConformance: Sendable {
    /// Makes two brokers that reach each other; both subscribe, and the first one publishes most.
    public typealias Factory = @Sendable () async throws -> (publisher: any Broker, subscriber: any Broker)

    /// Makes the brokers that are checked; called once for each phase.
    public var brokers: Factory

    /// What the brokers are prepared with.
    public var context: PluginContext = .testing(role: "broker")

    /// How many events are published where the number matters.
    public var eventCount = 200

    /// The number of bytes of a large event.
    public var largeEventSize = 200 << 10

    /// How long the suite waits for something that should not come.
    public var silence: Duration = .milliseconds(150)

    /// How long the suite waits for an event.
    public var spreadTime: Duration = .seconds(10)

    /// How long one phase may take before it counts as hanging.
    public var patience: Duration = .seconds(60)

    /// Creates a suite.
    ///
    /// - Parameter brokers: Makes the brokers that are checked; called once for each phase.
    public init(_ brokers: @escaping Factory) { self.brokers = brokers }

    /// Runs all checks.
    ///
    /// - Throws: A ``ConformanceFailure`` that lists the broken promises.
    public func run() async throws {
        let findings = Findings(patience: patience)
        for (name, check) in Self.phases {
            await findings.phase(name) {
                let pair = try await fixture(findings)
                try await pair.whileRunning { try await check(pair) }
            }
        }
        for (name, check) in Self.lifetimePhases {
            await findings.phase(name) { try await check(try await fixture(findings)) }
        }
        try findings.report("broker")
    }

    typealias Check = @Sendable (Fixture) async throws -> Void

    private static var phases: [(String, Check)] { receivingPhases + handlingPhases + endPhases }

    private func fixture(_ findings: Findings) async throws -> Fixture {
        let (publisher, subscriber) = try await brokers()
        try publisher.prepare(context)
        if (publisher as AnyObject) !== (subscriber as AnyObject) { try subscriber.prepare(context) }
        return Fixture(
            findings: findings, suite: self, publisher: publisher, subscriber: subscriber,
            prefix: "conformance.\(UInt32.random(in: 1 ... .max))")
    }

    /// What a phase works with.
    struct Fixture: Sendable {
        let findings: Findings
        let suite: BrokerConformance
        let publisher: any Broker
        let subscriber: any Broker

        /// The beginning of all topics of the phase.
        let prefix: String
    }
}
