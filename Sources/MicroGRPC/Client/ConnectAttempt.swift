import MicroCore
import MicroHTTP2
import MicroNIO
import MicroTLS
import NIOCore

/// The connection of one channel that is tried to reach a server.
struct ConnectAttempt: Sendable {
    let connection: NIOLoopBound<ClientConnection>
    let status: ClientStatus

    /// Succeeds when the TLS handshake is done; `nil` in plaintext.
    let ready: EventLoopFuture<Void>?
}

extension ConnectAttempts<ConnectAttempt> {
    /// Sets a channel up; called on its loop.
    func add(_ channel: any Channel, authority: String, limits: GRPCLimits, tls: TLSHandler?) throws {
        let ready = tls.map { _ in channel.eventLoop.makePromise(of: Void.self) }
        do {
            let status = ClientStatus()
            let connection = try ClientConnection(
                authority: authority, ready: ready, status: status, limits: limits, loop: channel.eventLoop)
            let attempt = ConnectAttempt(
                connection: NIOLoopBound(connection, eventLoop: channel.eventLoop), status: status,
                ready: ready?.futureResult)
            try add(attempt, of: channel)
            if let tls { try channel.pipeline.syncOperations.addHandler(tls) }
            try channel.pipeline.syncOperations.addHandler(connection.http2)
        } catch {
            // The promise must be kept also where no connection keeps it.
            ready?.fail(error)
            throw error
        }
    }
}
