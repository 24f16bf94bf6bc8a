package import NIOCore
import Synchronization

/// The channels that are tried to reach one server, to give them up together: a name may have several
/// addresses.
///
/// Each has handlers of its own, since the end of those that fail must not be taken for the end of the one
/// that succeeds.
///
/// ```swift
/// try await withTaskCancellationHandler {
///     try attempts.attempt(of: try await bootstrap.connect(host: host, port: port).get())
/// } onCancel: {
///     attempts.cancel()
/// }
/// ```
package final class ConnectAttempts<Attempt: Sendable>: Sendable {
    private struct State {
        var attempts: [ObjectIdentifier: (channel: any Channel, attempt: Attempt)] = [:]
        var isCancelled = false
    }

    private let state = Mutex(State())

    /// Creates a list without channels.
    package init() {}

    /// Takes a channel in; called by the initialiser of the bootstrap.
    ///
    /// - Parameters:
    ///   - attempt: What belongs to the channel.
    ///   - channel: The channel.
    /// - Throws: A `CancellationError` if the attempts were given up, which closes the channel.
    package func add(_ attempt: Attempt, of channel: any Channel) throws {
        let isCancelled = state.withLock { state in
            state.attempts[ObjectIdentifier(channel)] = (channel, attempt)
            return state.isCancelled
        }
        if isCancelled { throw CancellationError() }
    }

    /// Returns what belongs to the channel that succeeded.
    ///
    /// - Parameter channel: The channel.
    /// - Returns: What it was taken in with.
    /// - Throws: A `ChannelError` if it was never taken in.
    package func attempt(of channel: any Channel) throws -> Attempt {
        guard let (_, attempt) = state.withLock({ $0.attempts[ObjectIdentifier(channel)] }) else {
            throw ChannelError.alreadyClosed
        }
        return attempt
    }

    /// Closes all channels, and those that are yet to come.
    package func cancel() {
        let attempts = state.withLock { state in
            state.isCancelled = true
            return Array(state.attempts.values)
        }
        for (channel, _) in attempts { channel.close(promise: nil) }
    }
}
