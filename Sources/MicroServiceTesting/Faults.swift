internal import Micro
public import MicroCore
internal import Synchronization

/// Something that goes wrong with a call.
public struct Fault: Sendable {
    enum Kind: Sendable {
        case error(MicroError)
        case latency(Duration)
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

    /// Does what is to go wrong with a call.
    func apply(to endpoint: String, at service: String?) async throws {
        let due = entries.withLock { entries in
            var due: [Fault] = []
            for index in entries.indices
            where entries[index].endpoint == endpoint && entries[index].service == service {
                if let times = entries[index].times {
                    guard times > 0 else { continue }
                    entries[index].times = times - 1
                }
                due.append(entries[index].fault)
            }
            return due
        }
        for fault in due {
            switch fault.kind {
            case .error(let error): throw error
            case .latency(let latency):
                try await clock.sleep(for: latency)
            }
        }
    }
}

/// The middleware by which faults come about.
struct FaultInjector: ServerMiddleware, ClientMiddleware {
    let faults: Faults

    func handle<Answer: Sendable>(
        _ context: RequestContext, next: Next<Answer>
    ) async throws -> Answer {
        try await faults.apply(to: context.endpoint, at: nil)
        return try await next()
    }

    func handle<Answer>(_ call: OutgoingCall, next: NextCall<Answer>) async throws -> Answer {
        try await faults.apply(to: call.endpoint, at: call.service)
        return try await next(call)
    }
}
