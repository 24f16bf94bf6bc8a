internal import InMemoryLogging
internal import Logging
public import Micro
internal import MicroBrokerMemory
internal import MicroCore
internal import MicroRegistryMemory
internal import MicroTransportMemory

extension MicroService {
    /// Runs the service within the process for as long as a closure does: without sockets, variables, flags and signals.
    ///
    /// ```swift
    /// try await greeter.test { client in
    ///     let reply = try await client.call(
    ///         "Greeter.Hello", HelloRequest(name: "John"), returning: HelloReply.self)
    ///     #expect(reply.message == "Hello, John!")
    /// }
    /// ```
    ///
    /// Registry, transport and broker are in memory, in place of those that the service was given or would choose, and
    /// of its configuration the values in code count. Everything else is the service's own: codecs, middleware, hooks,
    /// services beside it, and parts of other roles. What it logs and publishes is kept for the test.
    ///
    /// - Parameters:
    ///   - others: Services that it calls, or fakes of them, which run beside it on the same memory parts.
    ///   - configuration: Values of the configuration, by keys such as `server.drain.timeout`.
    ///   - clock: The clock of the service's own intervals and pauses, such as MicroTesting's `ManualClock`, which stands
    ///     still until the test advances it. Deadlines of calls are always the machine's.
    ///   - body: The test.
    /// - Returns: What the closure returned.
    /// - Throws: What the closure threw, or why a service could not start or has failed.
    @discardableResult
    public func test<Result: Sendable>(
        beside others: [MicroService] = [], configuration: [String: String] = [:],
        clock: any Clock<Duration> = ContinuousClock(),
        _ body: (TestClient) async throws -> Result
    ) async throws -> Result {
        let bench = TestBench(configuration: configuration, clock: clock)
        return try await withLogger(bench.logger) { _ in
            try await bench.run(others[...]) {
                try await onTestParts(bench.parts()).withRunning { running in
                    try await withMicroClient(testClient(bench.parts())) { client in
                        try await body(TestClient(microClient: client, service: running, bench: bench))
                    }
                }
            }
        }
    }
}

/// What the services of a test share.
final class TestBench: Sendable {
    let events = PublishedEvents()
    let faults: Faults
    let log = InMemoryLogHandler()
    let clock: any Clock<Duration>

    private let registry = MemoryRegistry()
    private let exchange = MemoryBroker.Exchange()
    private let configuration: [String: String]

    init(configuration: [String: String], clock: any Clock<Duration>) {
        // There is nobody else to hear that a service leaves the registry.
        self.configuration = configuration.merging(
            ["server.address": ":0", "server.deregistration.delay": "0"]) { given, _ in given }
        self.clock = clock
        faults = Faults(clock)
    }

    /// A logger that keeps everything.
    var logger: Logger {
        var logger = Logger(label: "test") { _ in log }
        logger.logLevel = .trace
        return logger
    }

    /// The parts of one of the services, or of the client.
    func parts() -> TestParts {
        TestParts(
            registry: registry, transport: MemoryTransport(),
            broker: TestBroker(MemoryBroker(exchange: exchange), events: events, clock: clock),
            configuration: configuration,
            middleware: Middleware(
                server: [FaultInjector(faults: faults)], client: [FaultInjector(faults: faults)]),
            time: TimeSource(clock))
    }

    /// Runs services while a closure runs.
    func run<Result: Sendable>(
        _ services: ArraySlice<MicroService>, _ body: () async throws -> Result
    ) async throws -> Result {
        guard let first = services.first else { return try await body() }
        return try await first.onTestParts(parts()).withRunning { _ in
            try await run(services.dropFirst(), body)
        }
    }
}
