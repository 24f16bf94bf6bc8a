package import MicroCore
import MicroHTTP2
import MicroNIO
import MicroPluginKit
package import MicroTLS
import NIOCore
import NIOPosix

/// A client's connection to a server of gRPC over HTTP/2, for callers on any thread.
package final class GRPCConnection: Connection {
    private let connection: NIOLoopBound<ClientConnection>
    private let loop: any EventLoop
    private let status: ClientStatus

    /// The greatest length of a message.
    private let messageLimit: Int

    /// Opens a connection.
    ///
    /// - Parameters:
    ///   - address: Where the server is, as `host:port` or `unix:path`.
    ///   - name: Who the server must prove to be, if the connection is encrypted.
    ///   - limits: The bounds of the connection.
    ///   - tls: Certificates and verification; plaintext if `nil`.
    /// - Returns: The open connection.
    /// - Throws: A ``MicroError`` with the status `unavailable` that was surely not processed.
    package static func open(
        to address: String, as name: PeerName, limits: GRPCLimits, tls: TLSContext?
    ) async throws(MicroError) -> GRPCConnection {
        let loop = EventLoops.currentOrNext
        let attempts = ConnectAttempts<ConnectAttempt>()
        // A socket's path is no authority, and servers refuse a request with one that isn't well-formed.
        let authority = address.hasPrefix("unix:") ? "localhost" : address
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(limits.http2.connectTimeout))
            .channelOption(.writeBufferWaterMark, value: .init(low: 64 << 10, high: 512 << 10))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = try tls.map {
                        try TLSHandler($0, peer: name, handshakeTimeout: limits.http2.connectTimeout)
                    }
                    try attempts.add(channel, authority: authority, limits: limits, tls: handler)
                }
            }
        do {
            let attempt = try await withTaskCancellationHandler {
                let attempt = try attempts.attempt(of: try await connect(bootstrap, to: address))
                try await attempt.ready?.get()
                return attempt
            } onCancel: {
                attempts.cancel()
            }
            return GRPCConnection(
                attempt.connection, loop: loop, status: attempt.status,
                messageLimit: limits.maximumMessageSize)
        } catch {
            var failure =
                error as? MicroError
                ?? MicroError(
                    .unavailable, ConnectFailure.reason(of: error), cause: error)
            failure.id = clientErrorID
            failure.detail = "Can't connect to \(address): \(failure.detail)"
            failure.reclassify(as: .unavailable)
            failure.processed = .no
            throw failure
        }
    }

    private static func connect(_ bootstrap: ClientBootstrap, to address: String) async throws -> any Channel
    {
        if address.hasPrefix("unix:") {
            return try await bootstrap.connect(unixDomainSocketPath: String(address.dropFirst(5))).get()
        }
        guard let (host, port) = HostPort.split(address), let port, !host.isEmpty else {
            throw MicroError(
                .unavailable, "The address \"\(address.printableAddress())\" is not of the form host:port.",
                id: clientErrorID,
                processed: .no)
        }
        return try await bootstrap.connect(host: host, port: port).get()
    }

    private init(
        _ connection: NIOLoopBound<ClientConnection>, loop: any EventLoop, status: ClientStatus,
        messageLimit: Int
    ) {
        self.messageLimit = messageLimit
        self.connection = connection
        self.loop = loop
        self.status = status
    }

    package var isUsable: Bool { status.isUsable }

    package var activeCalls: Int { status.activeCalls }

    package func unary(_ head: CallHead, _ message: EncodedMessage) async throws(MicroError) -> UnaryReply {
        let compressed =
            head.compression == .identity || message.count > messageLimit
            ? nil : message.compressed(head.compression)
        var reply = try await unary(head, compressed ?? message, isCompressed: compressed != nil)
        if reply.compression != .identity { reply.message = try reply.message.restored(limit: messageLimit) }
        return reply
    }

    private func unary(
        _ head: CallHead, _ message: EncodedMessage, isCompressed: Bool
    ) async throws(MicroError) -> UnaryReply {
        let key = CallKey()
        let connection = connection
        let result: Result<UnaryReply, MicroError> = await loop.suspend { continuation, isCancelled in
            let client = connection.value
            guard !isCancelled else {
                let error = MicroError(
                    .cancelled, "The call was cancelled.", id: clientErrorID, processed: .no)
                return continuation.resume(returning: .failure(error))
            }
            let stream = ClientStream(client, key: key, unary: continuation)
            stream.append(message, isCompressed: isCompressed)
            stream.end(.stream)
            if let error = client.begin(stream, head) { continuation.resume(returning: .failure(error)) }
        } onCancel: {
            connection.value.cancel(key)
        }
        return try result.get()
    }

    package func open(_ head: CallHead) async throws(MicroError) -> any ClientCallStream {
        let key = CallKey()
        let connection = connection
        let loop = loop
        let limit = messageLimit
        let result: Result<ClientStreamHandle, MicroError> = await loop.suspend { continuation, _ in
            let trailers = TrailingMetadata()
            let stream = ClientStream(connection.value, key: key, trailers: trailers)
            if let error = connection.value.begin(stream, head) {
                continuation.resume(returning: .failure(error))
            } else {
                let handle = ClientStreamHandle(
                    stream, loop: loop, trailers: trailers, compression: head.compression, limit: limit)
                continuation.resume(returning: .success(handle))
            }
        } onCancel: {
            connection.value.cancel(key)
        }
        return try result.get()
    }

    package func close(deadline: ContinuousClock.Instant) async {
        let connection = connection
        let loop = loop
        loop.execute { connection.value.http2.leave() }
        await status.closed.wait(until: deadline) { loop.execute { connection.value.terminate() } }
    }
}
