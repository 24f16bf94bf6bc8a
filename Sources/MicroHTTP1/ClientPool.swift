import MicroCore
import MicroNIO
import NIOCore
import Synchronization

/// A client's connection, for callers on any thread.
struct PooledConnection: Sendable {
    let channel: any Channel
    let connection: NIOLoopBound<ClientConnection>

    /// Sends a request and waits for what comes of it.
    func exchange(_ request: HTTP1Request, deadline: NIODeadline) async -> ClientConnection.Outcome {
        let connection = connection
        return await channel.eventLoop.suspend { continuation, isCancelled in
            connection.value.begin(
                request, deadline: deadline, isCancelled: isCancelled, continuation: continuation)
        } onCancel: {
            connection.value.cancel()
        }
    }

    func close() { channel.close(promise: nil) }
}

/// The connections of a client that nobody uses at the moment.
final class ClientPool: Sendable {
    private struct State {
        var idle: [String: [PooledConnection]] = [:]
        var isClosed = false
    }

    private let limit: Int
    private let state = Mutex(State())

    /// Creates a pool.
    ///
    /// - Parameter limit: How many connections are kept for one address.
    init(limit: Int) { self.limit = limit }

    var count: Int { state.withLock { $0.idle.values.map(\.count).reduce(0, +) } }

    /// Takes the connection to an address that was used last, if one is kept.
    func take(_ address: String) -> PooledConnection? {
        state.withLock { state in
            let connection = state.idle[address]?.popLast()
            if state.idle[address]?.isEmpty == true { state.idle[address] = nil }
            return connection
        }
    }

    /// Keeps a connection; returns whether there is room.
    func put(_ connection: PooledConnection, for address: String) -> Bool {
        state.withLock { state in
            guard !state.isClosed, connection.channel.isActive, state.idle[address, default: []].count < limit
            else { return false }
            state.idle[address, default: []].append(connection)
            return true
        }
    }

    /// Forgets a connection that was closed.
    func remove(_ channel: any Channel, of address: String) {
        state.withLock { state in
            state.idle[address]?.removeAll { $0.channel === channel }
            if state.idle[address]?.isEmpty == true { state.idle[address] = nil }
        }
    }

    /// Keeps none any more, and returns those that were kept.
    func close() -> [PooledConnection] {
        state.withLock { state in
            state.isClosed = true
            defer { state.idle = [:] }
            return state.idle.values.flatMap(\.self)
        }
    }
}
