public import MicroCore
import MicroTestSupport

/// The promises of `Registry`, as checks that any registry can be put to.
///
/// ```swift
/// @Test func keepsThePromisesOfARegistry() async throws {
///     try await RegistryConformance { MyRegistry() }.run()
/// }
/// ```
///
/// A registry of a directory outside the process is better checked with two instances, of which one
/// writes and the other reads: give the second as ``observer``. All services that the suite registers
/// have names that begin with `conformance.` and a random part, so a directory that others use as
/// well may stand behind it, and they are deregistered at the end.
public struct RegistryConformance: Sendable {
    /// Makes a registry.
    public typealias Factory = @Sendable () async throws -> any Registry

    /// Makes the registry that registers.
    public var registry: Factory

    /// Makes the registry that looks up and watches; `nil` to use the one that registers.
    public var observer: Factory?

    /// What the registries are prepared with.
    public var context: PluginContext = .testing(role: "registry")

    /// The time to live with which expiry is checked; `nil` leaves it out.
    public var timeToLive: Duration? = .milliseconds(400)

    /// The clock of the registries, if they take one: it is advanced where the suite would wait for times to live.
    public var clock: ManualClock?

    /// Whether a node's address may be a name, as that of a transport without hosts and ports; if not, such a node must be
    /// refused as `invalidArgument`.
    public var holdsNamedAddresses = true

    /// How many changes are made while a watcher doesn't read.
    public var changesBehindASlowReader = 300

    /// How long the suite waits for a change to spread.
    public var spreadTime: Duration = .seconds(5)

    /// How long one phase may take before it counts as hanging.
    public var patience: Duration = .seconds(60)

    /// Creates a suite.
    ///
    /// - Parameter registry: Makes the registry that is checked; called once for each phase.
    public init(_ registry: @escaping Factory) { self.registry = registry }

    /// Runs all checks.
    ///
    /// - Throws: A ``ConformanceFailure`` that lists the broken promises.
    public func run() async throws {
        let findings = Findings(patience: patience)
        for (name, check) in Self.phases {
            await findings.phase(name) { try await with(findings, check) }
        }
        try findings.report("registry")
    }

    /// What a phase works with.
    struct Fixture: Sendable {
        let findings: Findings
        let suite: RegistryConformance

        /// The one that registers, and the one that looks up and watches.
        let writer: any Registry
        let reader: any Registry

        /// The beginning of all names of the phase.
        let prefix: String
    }

    typealias Check = @Sendable (Fixture) async throws -> Void

    /// Runs one check with registries of its own, whose background work runs meanwhile.
    private func with(_ findings: Findings, _ check: @escaping Check) async throws {
        let writer = try await registry()
        let reader = try await observer?() ?? writer
        try writer.prepare(context)
        if observer != nil { try reader.prepare(context) }
        let fixture = Fixture(
            findings: findings, suite: self, writer: writer, reader: reader,
            prefix: "conformance.\(UInt32.random(in: 1 ... .max))")
        let registries = observer == nil ? [writer] : [writer, reader]
        try await whileRunning(registries.map { registry in { try await registry.run() } }) {
            try await check(fixture)
        }
    }
}
