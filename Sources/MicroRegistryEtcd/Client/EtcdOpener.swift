internal import MicroCore
internal import MicroGRPC
internal import MicroPluginKit
internal import MicroTLS
internal import SwiftProtobuf

/// Opens a connection to one member and finds out whether it can be used.
struct EtcdOpener: Sendable {
    let configuration: EtcdRegistry.Configuration

    /// How long everything may take.
    let limit: Duration

    let tls: TLSContext?

    /// Opens a connection.
    ///
    /// - Parameter endpoint: The member.
    /// - Returns: A connection on which we are known and may read the registry.
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
            let keys = KeyLayout(prefix: configuration.prefix).all
            let request = EtcdRangeRequest.with {
                $0.key = keys.start
                $0.rangeEnd = keys.end
                $0.limit = 1
                $0.keysOnly = true
                $0.serializable = true
            }
            _ = try await session.unary(.range, request, until: deadline)
            return session
        } catch {
            await session.connection.close(deadline: .now)
            throw error
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

    private var limits: HTTP2Limits {
        var limits = HTTP2Limits()
        limits.maximumMessageSize = Self.maximumMessageSize
        limits.connectTimeout = limit
        // etcd closes connections that ask more often than every five seconds.
        limits.keepaliveInterval = .seconds(10)
        limits.keepaliveTimeout = max(.seconds(1), min(configuration.timeout, .seconds(10)))
        return limits
    }

    /// Two of the largest answers that etcd gives: a page of one node, or a fragment of events.
    private static let maximumMessageSize = 16 << 20
}
