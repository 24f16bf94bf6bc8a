import Logging
package import MicroCore
import MicroNIO
import MicroPluginKit
package import MicroTLS
import NIOCore
import NIOPosix

/// A small HTTP/1.1 server: whole requests in, whole responses out, everything bounded.
package final class HTTP1Server: Sendable {
    /// Answers a request; its task is cancelled when the peer goes, or when the time is up.
    package typealias Handler = @Sendable (HTTP1Request) async -> HTTP1Response

    /// Returns the budget for the body of a request, by the target of its request line; called for each request.
    package typealias BudgetChoice = @Sendable (_ target: String) -> HTTP1BodyBudget

    /// The address that is bound, with the port that the system chose.
    package let address: ListenAddress

    private let channel: any Channel
    private let connections: ServerConnections

    /// Begins to listen.
    ///
    /// - Parameters:
    ///   - address: A host and a port.
    ///   - limits: The bounds of each connection.
    ///   - tls: Certificates and verification; plaintext if `nil`.
    ///   - budget: Chooses the budget for a request's body; all share one if `nil`.
    ///   - handler: Answers each request.
    /// - Returns: The open server.
    /// - Throws: A ``StartError`` that names the address.
    package static func open(
        on address: ListenAddress, limits: HTTP1Limits = HTTP1Limits(), tls: TLSContext? = nil,
        budget: BudgetChoice? = nil, handler: @escaping Handler
    ) async throws -> HTTP1Server {
        guard let (host, port) = address.hostPort else {
            throw StartError(.address, "Can't listen on \(address): it must be a host and a port.")
        }
        let common = HTTP1BodyBudget()
        let connections = ServerConnections(
            limits: limits, tls: tls, budget: budget ?? { _ in common }, handler: handler)
        let bootstrap = ServerBootstrap(group: EventLoops.group)
            .acceptBackoff(logger: .current)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try connections.add(channel) }
            }
        do {
            let channel = try await bootstrap.bindAny(host: host, port: port)
            return HTTP1Server(
                channel: channel, address: .host(host, port: channel.localAddress?.port ?? port),
                connections: connections)
        } catch {
            throw StartError(.address, "Can't listen on \(address): \(BindFailure.text(error)).")
        }
    }

    private init(channel: any Channel, address: ListenAddress, connections: ServerConnections) {
        self.channel = channel
        self.address = address
        self.connections = connections
    }

    /// Takes no more connections and requests, and returns when nothing runs or is open any more.
    ///
    /// - Parameter deadline: Until when requests that are being answered may finish; those that remain are
    ///   cancelled. Cancelling the calling task moves it to now.
    package func shutdown(deadline: ContinuousClock.Instant) async {
        try? await channel.close().get()
        connections.drain()
        await connections.ended.wait(until: deadline, orForce: connections.terminate)
    }
}
