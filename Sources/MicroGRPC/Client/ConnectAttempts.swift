import MicroCore
import MicroTLS
import NIOCore
import Synchronization

/// The channels that are tried to reach one server: a name may have several addresses.
///
/// Each has a connection of its own, since the end of those that fail must not be taken for the end of
/// the one that succeeds.
final class ConnectAttempts: Sendable {
    /// One channel's connection.
    struct Attempt: Sendable {
        let channel: any Channel
        let connection: NIOLoopBound<ClientConnection>
        let status: ClientStatus

        /// Succeeds when the TLS handshake is done; `nil` in plaintext.
        let ready: EventLoopFuture<Void>?
    }

    private struct State {
        var attempts: [ObjectIdentifier: Attempt] = [:]
        var isCancelled = false
    }

    private let state = Mutex(State())

    /// Sets a channel up; called on its loop.
    func add(_ channel: any Channel, authority: String, limits: HTTP2Limits, tls: TLSHandler?) throws {
        let ready = tls.map { _ in channel.eventLoop.makePromise(of: Void.self) }
        do {
            let status = ClientStatus()
            let connection = try ClientConnection(
                authority: authority, ready: ready, status: status, limits: limits, loop: channel.eventLoop)
            let attempt = Attempt(
                channel: channel, connection: NIOLoopBound(connection, eventLoop: channel.eventLoop),
                status: status, ready: ready?.futureResult)
            let isCancelled = state.withLock { state in
                state.attempts[ObjectIdentifier(channel)] = attempt
                return state.isCancelled
            }
            guard !isCancelled else { throw CancellationError() }
            if let tls { try channel.pipeline.syncOperations.addHandler(tls) }
            try channel.pipeline.syncOperations.addHandler(connection)
        } catch {
            // The promise must be kept also where no connection keeps it.
            ready?.fail(error)
            throw error
        }
    }

    /// Returns the connection of the channel that succeeded.
    func attempt(of channel: any Channel) throws -> Attempt {
        guard let attempt = state.withLock({ $0.attempts[ObjectIdentifier(channel)] }) else {
            throw ChannelError.alreadyClosed
        }
        return attempt
    }

    /// Gives up.
    func cancel() {
        let attempts = state.withLock { state in
            state.isCancelled = true
            return Array(state.attempts.values)
        }
        for attempt in attempts { attempt.channel.close(promise: nil) }
    }
}
