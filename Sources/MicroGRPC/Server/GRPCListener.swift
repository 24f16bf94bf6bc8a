import Logging
package import MicroCore
import MicroHTTP2
import MicroNIO
import MicroPluginKit
package import MicroTLS
import NIOCore
import NIOPosix
import Synchronization

/// A server that listens for gRPC over HTTP/2, and its connections.
package final class GRPCListener: Listener {
    package let address: ListenAddress

    /// The number of clients that were refused for what they did.
    package var refusals: Int { connections.refusals }

    private let channel: any Channel
    private let connections: ConnectionTable

    /// Begins to listen.
    ///
    /// - Parameters:
    ///   - address: Where.
    ///   - handler: What to do with each call.
    ///   - limits: The bounds of each connection.
    ///   - tls: Certificates and verification; plaintext if `nil`.
    /// - Returns: The open listener.
    /// - Throws: A ``StartError`` that names the address.
    package static func open(
        on address: ListenAddress, handler: any CallHandler, limits: GRPCLimits, tls: TLSContext?
    ) async throws -> GRPCListener {
        let connections = ConnectionTable(maximum: limits.http2.maximumConnections, logger: .current)
        let bootstrap = ServerBootstrap(group: EventLoops.group)
            .acceptBackoff(logger: .current)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 64 << 10, high: 512 << 10))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try connections.add(channel, handler: handler, limits: limits, tls: tls)
                }
            }
        do {
            let channel =
                if let (host, port) = address.hostPort {
                    try await bootstrap.bindAny(host: host, port: port)
                } else if let path = address.unixSocketPath {
                    try await bind(bootstrap, toSocket: path)
                } else {
                    throw StartError(
                        .address, "gRPC can't listen on \(address): it takes host:port or unix:path.")
                }
            let bound = address.hostPort.map { host, port in
                ListenAddress.host(host, port: channel.localAddress?.port ?? port)
            }
            return GRPCListener(channel: channel, address: bound ?? address, connections: connections)
        } catch let error as StartError {
            throw error
        } catch {
            throw StartError(.address, "Can't listen on \(address): \(BindFailure.text(error)).")
        }
    }

    /// Binds a socket's path, and takes the file of a server that is gone, but none that is in use.
    private static func bind(_ bootstrap: ServerBootstrap, toSocket path: String) async throws -> any Channel
    {
        let probe = ClientBootstrap(group: EventLoops.group)
        if let peer = try? await probe.connect(unixDomainSocketPath: path).get() {
            try? await peer.close().get()
            throw IOError(errnoCode: EADDRINUSE, reason: "bind")
        }
        return try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
    }

    private init(channel: any Channel, address: ListenAddress, connections: ConnectionTable) {
        self.channel = channel
        self.address = address
        self.connections = connections
    }

    package func shutdown(deadline: ContinuousClock.Instant) async {
        try? await channel.close().get()
        if let path = address.unixSocketPath { unlink(path) }
        connections.drain()
        await connections.ended.wait(until: deadline, orForce: connections.terminate)
    }
}
