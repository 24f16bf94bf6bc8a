internal import Micro
public import MicroCore
internal import Synchronization

/// Something that goes wrong with a call.
public struct Fault: Sendable {
    enum Kind: Sendable {
        case error(MicroError)
        case latency(Duration)
        case overload(capacity: Int, pushback: Duration?)
    }

    let kind: Kind

    /// The call fails, and the handler does not run.
    ///
    /// - Parameter error: What the caller gets.
    /// - Returns: The fault.
    public static func error(_ error: MicroError) -> Self { Self(kind: .error(error)) }

    /// The call takes longer before its handler runs, by the test's clock.
    ///
    /// - Parameter latency: How much longer.
    /// - Returns: The fault.
    public static func latency(_ latency: Duration) -> Self { Self(kind: .latency(latency)) }

    /// The service has too much to do: calls above a number at once are refused with `unavailable`, as an overloaded
    /// service refuses them, and their handlers do not run.
    ///
    /// ```swift
    /// try await greeter.test { client in
    ///     client.faults.add(.overload(capacity: 2), to: "Greeter.Hello")
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - capacity: How many calls run at once; with 0 all are refused.
    ///   - pushback: When the caller may try again (`grpc-retry-pushback-ms`); nothing is said of it if `nil`.
    /// - Returns: The fault.
    public static func overload(capacity: Int = 0, pushback: Duration? = nil) -> Self {
        Self(kind: .overload(capacity: capacity, pushback: pushback))
    }
}

/// What goes wrong in a test, on purpose.
///
/// ```swift
/// try await greeter.test { client in
///     client.faults.add(.error(MicroError(.unavailable, "No database.")), to: "Greeter.Hello", times: 1)
///     await #expect(throws: MicroError.self) {
///         try await client.call("Greeter.Hello", HelloRequest(name: "John"), returning: HelloReply.self)
///     }
/// }
/// ```
public final class Faults: Sendable {
    private struct Entry {
        let endpoint: String
        let service: String?
        let fault: Fault
        var times: Int?
        let running = RunningCalls()
    }

    private let entries = Mutex<[Entry]>([])
    private let clock: any Clock<Duration>

    init(_ clock: any Clock<Duration>) { self.clock = clock }

    /// Makes calls of an endpoint go wrong where they arrive, at any service of the test.
    ///
    /// - Parameters:
    ///   - fault: What goes wrong.
    ///   - endpoint: The endpoint's canonical name.
    ///   - times: With how many calls; with all if `nil`.
    public func add(_ fault: Fault, to endpoint: String, times: Int? = nil) {
        entries.withLock {
            $0.append(Entry(endpoint: endpoint, service: nil, fault: fault, times: times))
        }
    }

    /// Makes calls go wrong that a service of the test makes, before they leave it; also calls of services that
    /// aren't there.
    ///
    /// - Parameters:
    ///   - fault: What goes wrong.
    ///   - endpoint: The endpoint, as the caller names it.
    ///   - service: The service that is called.
    ///   - times: With how many calls; with all if `nil`.
    public func add(_ fault: Fault, toCallsOf endpoint: String, at service: String, times: Int? = nil) {
        entries.withLock {
            $0.append(Entry(endpoint: endpoint, service: service, fault: fault, times: times))
        }
    }

    /// Lets everything go well from now on.
    public func removeAll() { entries.withLock { $0 = [] } }

    /// Makes a call, unless it is to go wrong.
    func apply<Answer>(
        to endpoint: String, at service: String?, _ call: () async throws -> Answer
    ) async throws -> Answer {
        let due = take(endpoint, service)
        var admitted: [RunningCalls] = []
        defer { for calls in admitted { calls.end() } }
        for entry in due {
            switch entry.fault.kind {
            case .error(let error): throw error
            case .latency(let latency): try await clock.sleep(for: latency)
            case .overload(let capacity, let pushback):
                guard entry.running.begin(limit: capacity) else { throw Self.overload(pushback) }
                admitted.append(entry.running)
            }
        }
        return try await call()
    }

    /// Returns what is to go wrong with a call that comes now.
    private func take(_ endpoint: String, _ service: String?) -> [Entry] {
        entries.withLock { entries in
            var due: [Entry] = []
            for index in entries.indices
            where entries[index].endpoint == endpoint && entries[index].service == service {
                if let times = entries[index].times {
                    guard times > 0 else { continue }
                    entries[index].times = times - 1
                }
                due.append(entries[index])
            }
            return due
        }
    }

    private static func overload(_ pushback: Duration?) -> MicroError {
        var error = MicroError(.unavailable, "The service has too much to do.")
        if let pushback { error.retryPushback = .after(pushback) }
        return error
    }
}

/// The calls that an overloaded service runs.
private final class RunningCalls: Sendable {
    private let count = Mutex(0)

    /// Counts a call, unless there are as many as may be.
    func begin(limit: Int) -> Bool {
        count.withLock { count in
            guard count < limit else { return false }
            count += 1
            return true
        }
    }

    func end() { count.withLock { $0 -= 1 } }
}

/// The middleware by which faults come about.
struct FaultInjector: ServerMiddleware, ClientMiddleware {
    let faults: Faults

    func handle<Answer: Sendable>(
        _ context: RequestContext, next: Next<Answer>
    ) async throws -> Answer {
        try await faults.apply(to: context.endpoint, at: nil) { try await next() }
    }

    func handle<Answer>(_ call: OutgoingCall, next: NextCall<Answer>) async throws -> Answer {
        try await faults.apply(to: call.endpoint, at: call.service) { try await next(call) }
    }
}
