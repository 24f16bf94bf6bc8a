import MicroCore
import MicroHTTP2
import NIOCore

/// The calls of a connection that we opened to a server.
final class ClientConnection {
    /// What is below the calls, and closed behind them.
    let http2: HTTP2Connection

    private let owner: ClientConnectionOwner

    /// The greatest length of a message, in bytes.
    let messageLimit: Int

    /// What stands for the server in `:authority`.
    private let authority: String

    /// What other threads may know of the connection.
    var status: ClientStatus { owner.status }

    /// Creates a connection, whose ``http2`` is to be added to the channel's pipeline.
    ///
    /// - Parameters:
    ///   - authority: What stands for the server.
    ///   - ready: Succeeds when the TLS handshake is done; `nil` in plaintext.
    ///   - status: What other threads may know.
    ///   - limits: The bounds of the connection.
    ///   - loop: The event loop of the channel.
    /// - Throws: A `SessionFailure` if there is no memory for it.
    init(
        authority: String, ready: EventLoopPromise<Void>?, status: ClientStatus, limits: GRPCLimits,
        loop: any EventLoop
    ) throws(SessionFailure) {
        self.authority = authority
        messageLimit = limits.maximumMessageSize
        owner = ClientConnectionOwner(status: status, ready: ready)
        http2 = try HTTP2Connection(client: owner, isSecure: ready != nil, limits: limits.http2, loop: loop)
    }

    /// Makes an error say that it is one of certificates or their like, if that is why we have no connection.
    func explained(_ error: MicroError) -> MicroError { ConnectionFault.explained(error, http2) }

    // MARK: Calls

    /// Begins a call.
    ///
    /// The call waits if the server allows no more streams at present.
    ///
    /// - Parameters:
    ///   - stream: The call.
    ///   - head: What to call.
    /// - Returns: Why it can't be made, if it can't.
    func begin(_ stream: ClientStream, _ head: CallHead) -> MicroError? {
        guard http2.isUsable else { return explained(ConnectionFault.unusable(owner.reason)) }
        if let error = RequestFields.fault(in: head) { return error }
        if let error = stream.tooLongMessage { return error }
        http2.now = .now()
        var timeout: Int64?
        if let deadline = head.uptimeDeadline {
            let left = deadline.timeLeft
            guard left > 0 else { return ClientStream.deadlineError(processed: .no) }
            timeout = left
            stream.setDeadline(http2.now + .nanoseconds(left))
        }
        if let error = http2.hasFreeStream ? submit(stream, head, timeout: timeout) : enqueue(stream, head) {
            return error
        }
        status.callBegan()
        return nil
    }

    /// Lets a call wait for a stream.
    private func enqueue(_ stream: ClientStream, _ head: CallHead) -> MicroError? {
        guard http2.enqueue(stream) else {
            return ConnectionFault.unusable(
                "\(http2.counts.queuedStreams) calls wait for the server already, which allows "
                    + "\(http2.streamLimit) at once on a connection.")
        }
        stream.waitingHead = head
        return nil
    }

    /// Sends a call's request.
    ///
    /// - Returns: Why it can't be sent, if it can't.
    func submit(_ stream: ClientStream, _ head: CallHead, timeout: Int64?) -> MicroError? {
        let fields = RequestFields.block(
            head, authority: authority, isSecure: http2.isSecure, timeout: timeout)
        switch http2.submit(fields, for: stream) {
        case nil: return nil
        case .headTooLong(let size, let limit): return RequestFields.tooLong(size, limit: limit)
        case .exhausted:
            return ConnectionFault.unusable("The connection has made all calls that it can.")
        }
    }

    /// Ends a call whose caller was cancelled.
    func cancel(_ key: CallKey) {
        for case let stream as ClientStream in http2.allStreams where stream.key === key {
            return stream.cancel()
        }
    }

    /// Cancels the calls that run, and closes.
    func terminate() {
        for case let stream as ClientStream in http2.allStreams { stream.cancel() }
        http2.terminate("The connection was closed.")
    }
}

/// The errors of calls that a connection can't take.
enum ConnectionFault {
    /// Returns the error of a call that was surely not sent.
    static func unusable(_ reason: String?) -> MicroError {
        MicroError(
            .unavailable, reason ?? "The connection takes no more calls.", id: clientErrorID, processed: .no)
    }

    /// Makes an error say that it is one of certificates or their like, if that is why there is no connection.
    static func explained(_ error: MicroError, _ connection: HTTP2Connection) -> MicroError {
        guard connection.isRefused else { return error }
        var error = error
        error.processed = .no
        error.isSecurityFailure = true
        return error
    }
}

/// The id of errors that the client itself reports.
let clientErrorID = "go.micro.client"

/// What tells one call of a connection from the others, for those who aren't on its loop.
final class CallKey: Sendable {}
