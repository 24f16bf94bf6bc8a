import MicroHTTP2
import MicroPluginKit
import NIOCore

/// What waits for a client's connection: to be ready, and to be closed.
final class ClientConnectionOwner: HTTP2ConnectionDelegate {
    /// What other threads may know of the connection.
    let status: ClientStatus

    /// Succeeds when the connection can be used: when the TLS handshake is done, if there is one.
    private let ready: EventLoopPromise<Void>?

    /// Why the connection is closed, if it is.
    private(set) var reason: String?

    init(status: ClientStatus, ready: EventLoopPromise<Void>?) {
        self.status = status
        self.ready = ready
    }

    func connectionSecured(by peerIdentities: [String]) { ready?.succeed() }

    func connectionBecameUnusable() { status.becameUnusable() }

    func connectionClosed(_ connection: HTTP2Connection, reason: String) {
        self.reason = reason
        ready?.fail(ConnectionFault.explained(ConnectionFault.unusable(reason), connection))
        status.closed.open()
    }
}
