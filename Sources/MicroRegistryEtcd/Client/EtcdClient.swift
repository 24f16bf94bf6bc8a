internal import MicroCore
internal import MicroPluginKit
internal import SwiftProtobuf

/// Calls of etcd that outlive the loss of a member, a leader or a token.
///
/// All calls that the registry makes may be made twice.
struct EtcdClient: Sendable {
    let link: EtcdLink

    /// How long a call may take, attempts and pauses included.
    var timeout: Duration { link.configuration.timeout }

    /// Makes a call.
    ///
    /// - Parameters:
    ///   - call: Which one.
    ///   - request: The request.
    ///   - deadline: When it fails at the latest; `nil` for the configured time limit.
    /// - Returns: The answer.
    /// - Throws: A ``MicroError`` that names the member and the reason.
    func send<Request, Response>(
        _ call: EtcdCall<Request, Response>, _ request: Request,
        until deadline: ContinuousClock.Instant? = nil
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
            case .member: link.report(session, failure)
            case .busy: break
            case .staleToken, .final, .compacted, .leaseLost, .tooLong, .refused:
                throw Self.final(failure, at: session.endpoint)
            }
            let pause = backoff.next()
            guard ContinuousClock.now + pause < deadline else {
                throw MicroError(.unavailable, "etcd: \(EtcdErrors.text(failure, at: session.endpoint))")
            }
            try? await Task.sleep(for: pause)
        }
    }

    /// Gets a new token.
    ///
    /// - Returns: Whether that was possible.
    func renewToken(_ session: EtcdSession, until deadline: ContinuousClock.Instant) async -> Bool {
        guard let credentials = link.configuration.credentials else { return false }
        do {
            try await session.authenticate(credentials, until: deadline)
            return true
        } catch {
            return false
        }
    }

    /// How long one member may take before another one is asked.
    private var attemptLimit: Duration { link.endpoints.count > 1 ? timeout / 2 : timeout }

    private static func final(_ error: MicroError, at endpoint: EtcdEndpoint) -> MicroError {
        var error = error
        error.detail = "etcd: \(EtcdErrors.text(error, at: endpoint))"
        return error
    }
}
