package import MicroCore
import MicroNIO
package import MicroTLS
import NIOCore
import NIOHTTP1
import NIOPosix

/// A small HTTP/1.1 client: whole requests out, whole responses in, over connections that are kept for a while.
///
/// It never sends a request twice; who uses it decides by ``HTTP1Failure/isSent``.
package final class HTTP1Client: Sendable {
    private let limits: HTTP1Limits
    private let tls: TLSContext?
    private let pool: ClientPool

    /// Creates a client, which opens nothing yet.
    ///
    /// - Parameters:
    ///   - limits: The bounds of each connection.
    ///   - tls: Certificates and verification; plaintext if `nil`.
    package init(limits: HTTP1Limits = HTTP1Limits(), tls: TLSContext? = nil) {
        self.limits = limits
        self.tls = tls
        pool = ClientPool(limit: limits.maximumIdleConnections)
    }

    /// Sends a request and waits for its response.
    ///
    /// - Parameters:
    ///   - request: The request; `Host` and `Content-Length` are added.
    ///   - address: Where the server is, as `host:port`.
    ///   - name: Who the server must prove to be, if the connection is encrypted.
    ///   - timeout: How long all of it may take.
    /// - Returns: The response, whatever its status.
    /// - Throws: Why there is none; at once if the task is cancelled.
    package func send(
        _ request: HTTP1Request, to address: String, as name: PeerName, timeout: Duration
    ) async throws(HTTP1Failure) -> HTTP1Response {
        let deadline = NIODeadline.now() + TimeAmount(timeout)
        var request = request
        request.headers["Host"] = address
        while let connection = pool.take(address) {
            // One that was closed meanwhile has sent nothing: then another is as good.
            if let response = try await exchange(request, on: connection, address, deadline) {
                return response
            }
        }
        let connection = try await connect(to: address, as: name, timeout: timeout)
        if let response = try await exchange(request, on: connection, address, deadline) { return response }
        throw HTTP1Failure("\(address) closed the connection.", isSent: false)
    }

    /// Closes the connections that nobody uses, and keeps none from now on.
    package func shutdown() { for connection in pool.close() { connection.close() } }

    /// The number of connections that are kept.
    package var idleConnections: Int { pool.count }

    /// Returns `nil` if the connection was closed before it sent anything.
    private func exchange(
        _ request: HTTP1Request, on connection: PooledConnection, _ address: String, _ deadline: NIODeadline
    ) async throws(HTTP1Failure) -> HTTP1Response? {
        switch await connection.exchange(request, deadline: deadline) {
        case .response(let response, let isReusable):
            if !isReusable || !pool.put(connection, for: address) { connection.close() }
            return response
        case .closedBefore:
            return nil
        case .failure(let reason, let isSent):
            throw HTTP1Failure("\(address) \(reason).", isSent: isSent)
        }
    }

    private func connect(
        to address: String, as name: PeerName, timeout: Duration
    ) async throws(HTTP1Failure) -> PooledConnection {
        guard let (host, port) = HostPort.split(address), let port, port > 0, !host.isEmpty else {
            throw HTTP1Failure(
                "\"\(address.printableAddress())\" is not of the form host:port.", isSent: false)
        }
        let loop = EventLoops.currentOrNext
        let attempts = ConnectAttempts<NIOLoopBound<ClientConnection>>()
        let (limits, tls, pool) = (limits, tls, pool)
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(min(timeout, limits.connectTimeout)))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let connection = ClientConnection(channel, limits: limits, isEncrypted: tls != nil) {
                        pool.remove($0, of: address)
                    }
                    try attempts.add(NIOLoopBound(connection, eventLoop: channel.eventLoop), of: channel)
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(TLSHandler(tls, peer: name)) }
                    try pipeline.addHandler(HTTPRequestEncoder())
                    try pipeline.addHandler(
                        ByteToMessageHandler(
                            HTTPResponseDecoder(
                                leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .drop,
                                limitConfiguration: limits.decoder)))
                    try pipeline.addHandler(connection)
                }
            }
        do {
            return try await withTaskCancellationHandler {
                let channel = try await bootstrap.connect(host: host, port: port).get()
                return PooledConnection(channel: channel, connection: try attempts.attempt(of: channel))
            } onCancel: {
                attempts.cancel()
            }
        } catch {
            if Task.isCancelled {
                throw HTTP1Failure("\(address) was not asked: cancelled.", isSent: false)
            }
            throw HTTP1Failure(
                "Can't connect to \(address): \(ConnectFailure.reason(of: error))", isSent: false)
        }
    }
}

/// Why there is no response to a request.
package struct HTTP1Failure: Error, CustomStringConvertible {
    /// What happened.
    package let reason: String

    /// Whether the server may have worked on the request.
    package let isSent: Bool

    init(_ reason: String, isSent: Bool) {
        self.reason = reason
        self.isSent = isSent
    }

    /// What happened.
    package var description: String { reason }
}
