internal import MicroCore
internal import MicroGRPC
internal import MicroHTTP2
internal import MicroPluginKit
internal import MicroTLS

/// Opens a connection to one member and finds out whether it can be used.
struct EtcdOpener: Sendable {
    let configuration: EtcdConfiguration

    /// How long everything may take.
    let limit: Duration

    let tls: TLSContext?

    /// Opens a connection.
    ///
    /// - Parameter endpoint: The member.
    /// - Returns: A connection on which we are known, and may read what the configuration says.
    /// - Throws: Why the member can't be used.
    func open(_ endpoint: EtcdEndpoint) async throws(MicroError) -> EtcdSession {
        let deadline = ContinuousClock.now + limit
        let session = EtcdSession(try await connect(to: endpoint), to: endpoint)
        do {
            if let credentials = configuration.credentials {
                try await session.authenticate(credentials, until: deadline)
            }
            // The first answer shows that it is an etcd, and that it accepts our certificate and user: with
            // TLS 1.3 a client isn't told before. A member that has lost its cluster answers as well.
            try await probe(session, until: deadline)
            return session
        } catch {
            await session.connection.close(deadline: .now)
            throw error
        }
    }

    private func probe(
        _ session: EtcdSession, until deadline: ContinuousClock.Instant
    ) async throws(MicroError) {
        let options = EtcdRangeOptions(limit: 1, contents: .keys, isSerializable: true)
        let keys = configuration.probe ?? .key("health")
        do throws(MicroError) {
            _ = try await session.unary(.range, EtcdPBRangeRequest(keys, options), until: deadline)
        } catch {
            // Who may not read a key that nobody needs is known all the same, as `etcdctl endpoint health` has it.
            guard configuration.probe == nil, error.status == .permissionDenied else { throw error }
        }
    }

    private func connect(to endpoint: EtcdEndpoint) async throws(MicroError) -> GRPCConnection {
        let limits = limits
        let name = PeerName.host(endpoint.host)
        let tls = endpoint.isSecure == true ? tls : nil
        // A connection that was opened in the same moment as the time was up is still a connection.
        let connection = try await withTimeLimit(limit) { () async throws(MicroError) in
            try await GRPCConnection.open(to: endpoint.address, as: name, limits: limits, tls: tls)
        }
        guard let connection else {
            throw MicroError(.unavailable, "\(endpoint) did not answer within \(limit).", processed: .no)
        }
        return connection
    }

    private var limits: GRPCLimits {
        var limits = GRPCLimits()
        limits.maximumMessageSize = Self.maximumMessageSize
        limits.http2.connectTimeout = limit
        // etcd closes connections that ask more often than every five seconds.
        limits.http2.keepaliveInterval = .seconds(10)
        limits.http2.keepaliveTimeout = max(.seconds(1), min(configuration.timeout, .seconds(10)))
        return limits
    }

    /// Two of the largest answers that etcd gives: a page of one node, or a fragment of events.
    private static let maximumMessageSize = 16 << 20
}
