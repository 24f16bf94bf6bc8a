public import MicroCore
internal import MicroPluginKit
internal import MicroTLS
internal import SwiftProtobuf

/// A client of etcd's API v3: one connection to one of several members, that is replaced when it is lost.
///
/// ```swift
/// let endpoints = ["10.0.0.1:2379", "10.0.0.2:2379"].compactMap(EtcdEndpoint.init)
/// let client = try EtcdClient(configuration: EtcdConfiguration(endpoints: endpoints))
/// try await withThrowingTaskGroup { group in
///     group.addTask { try await client.run() }
///     try await client.put(Array("greeting".utf8), Array("hello".utf8))
///     let found = try await client.get(.key("greeting"))
///     group.cancelAll()
/// }
/// ```
///
/// ## Behaviour
///
/// - Nothing happens before ``run()``, which owns the connection. Calls before that wait for it, within
///   ``EtcdConfiguration/timeout``.
/// - Calls outlive the loss of a member, a leader or a token: they are made again, within the time limit. A call
///   that changes something is only if etcd has surely not seen it, unless its caller says that it may be made
///   twice.
/// - All functions may be called from any task, and are cancellable.
public final class EtcdClient: Sendable {
    /// How the client is set up.
    public let configuration: EtcdConfiguration

    let link: EtcdLink

    /// The clock on which pauses pass.
    package let clock: any Clock<Duration>

    /// The most members of a cluster.
    private static let maximumEndpoints = 100

    /// Creates a client, which does nothing before ``run()``.
    ///
    /// - Parameters:
    ///   - configuration: How it is set up.
    ///   - clock: The clock on which the pauses between attempts pass; the deadlines of calls are those of the machine.
    /// - Throws: A ``StartError`` that names the certificate or value that can't be used.
    public init(
        configuration: EtcdConfiguration, clock: any Clock<Duration> = ContinuousClock()
    ) throws(StartError) {
        let endpoints = configuration.resolvedEndpoints
        guard !endpoints.isEmpty, endpoints.count <= Self.maximumEndpoints else {
            throw StartError(
                .invalidConfiguration,
                "\(configuration.naming.client) has \(endpoints.count) endpoints; it needs 1 to "
                    + "\(Self.maximumEndpoints).")
        }
        guard configuration.timeout > .zero else {
            throw StartError(
                .invalidConfiguration,
                "\(configuration.naming.client) has the time limit \(configuration.timeout); it has to be positive."
            )
        }
        var tls: TLSContext?
        if endpoints.contains(where: { $0.isSecure == true }) {
            tls = try TLSContext(configuration.tls ?? TLSConfiguration(), role: .client, alpn: ["h2"])
        }
        self.configuration = configuration
        self.clock = clock
        link = EtcdLink(configuration, endpoints: endpoints, tls: tls, clock: clock)
    }

    /// Keeps a connection open until the task is cancelled.
    ///
    /// A client whose run was cancelled and has returned can be run again.
    ///
    /// - Throws: A ``StartError`` if at the start all members refuse us, or we them, for a reason that only
    ///   another configuration helps against, or if it runs already. A member that isn't there is tried again forever.
    public func run() async throws(StartError) { try await link.run() }
}

extension EtcdClient {
    /// How long a call may take, attempts and pauses included.
    package var timeout: Duration { configuration.timeout }

    /// Makes a call.
    ///
    /// - Parameters:
    ///   - call: Which one.
    ///   - request: The request.
    ///   - deadline: When it fails at the latest; `nil` for the configured time limit.
    ///   - isRepeatable: Whether it may be made again when etcd may have seen it.
    /// - Returns: The answer.
    /// - Throws: A ``MicroError`` that names the member and the reason.
    func send<Request, Response>(
        _ call: EtcdCall<Request, Response>, _ request: Request,
        until deadline: ContinuousClock.Instant? = nil, isRepeatable: Bool = true
    ) async throws(MicroError) -> Response {
        let deadline = deadline ?? .now + timeout
        var backoff = ExponentialBackoff()
        var hasNewToken = false
        while true {
            let session = try await link.session(until: deadline)
            let failure: MicroError
            do {
                return try await session.unary(call, request, until: min(deadline, .now + attemptLimit))
            } catch {
                failure = error
            }
            guard !Task.isCancelled else { throw EtcdErrors.cancelled }
            switch EtcdFault(failure) {
            case .staleToken where !hasNewToken:
                hasNewToken = true
                if await renewToken(session, until: deadline) { continue }
            case .member:
                link.report(session, failure)
                guard isRepeatable || failure.processed == .no else {
                    throw final(failure, at: session.endpoint)
                }
            case .busy: break
            case .staleToken, .final, .compacted, .leaseLost, .tooLong, .refused:
                throw final(failure, at: session.endpoint)
            }
            let pause = backoff.next()
            guard ContinuousClock.now + pause < deadline else {
                throw MicroError(.unavailable, "etcd: \(link.text(failure, at: session.endpoint))")
            }
            try? await clock.sleep(for: pause)
        }
    }

    /// Gets a new token.
    ///
    /// - Returns: Whether that was possible.
    func renewToken(_ session: EtcdSession, until deadline: ContinuousClock.Instant) async -> Bool {
        guard let credentials = configuration.credentials else { return false }
        do {
            try await session.authenticate(credentials, until: deadline)
            return true
        } catch {
            return false
        }
    }

    /// How long one member may take before another one is asked.
    private var attemptLimit: Duration { link.endpoints.count > 1 ? timeout / 2 : timeout }

    private func final(_ error: MicroError, at endpoint: EtcdEndpoint) -> MicroError {
        var error = error
        error.detail = "etcd: \(link.text(error, at: endpoint))"
        return error
    }
}
