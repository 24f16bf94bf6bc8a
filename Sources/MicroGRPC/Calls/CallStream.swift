import MicroCore
import MicroHTTP2

/// The stream of a call: messages that come and go, with back-pressure both ways.
///
/// It is what the streams of servers and of clients have in common. What differs by side is in ``CallStream``.
class MessageStream: HTTP2Stream {
    /// The messages that have come and were not read.
    final var inbox: Inbox

    /// A sender that waits until less waits to be sent.
    fileprivate final var sender: UnsafeContinuation<MicroError?, Never>?

    /// The greatest length of a message, in bytes.
    final let messageLimit: Int

    init(connection: HTTP2Connection, isExcused: Bool, messageLimit: Int) {
        inbox = Inbox(limit: messageLimit)
        self.messageLimit = messageLimit
        super.init(connection: connection, isExcused: isExcused)
    }

    final override func roomAvailable() { resumeSender(nil) }

    /// Lets a waiting sender go on, with the error that the call ended with if it did.
    final func resumeSender(_ error: MicroError?) {
        guard let sender else { return }
        self.sender = nil
        sender.resume(returning: error)
    }

    /// Puts a message behind those that wait to be sent, behind its prefix.
    final func append(_ message: consuming EncodedMessage, isCompressed: Bool) {
        message.writePrefix(flag: isCompressed ? 1 : 0, length: UInt32(clamping: message.count))
        append(message.storage)
    }
}

/// What the streams of servers and of clients do differently.
protocol CallStream: MessageStream {
    /// Whether the call is cancelled with the task that reads or sends.
    static var endsWithTask: Bool { get }

    /// Lets one who waits for a message go on, since its task was cancelled.
    func cancelReading()

    /// Lets one who waits for room go on, since its task was cancelled.
    func cancelSending()

    /// Why nothing can be sent any more, if it can't.
    var sendingError: MicroError? { get }

    /// Whether so much waits that the sender should wait, too.
    var isCongested: Bool { get }

    /// Sees to it that the head precedes the first message.
    func prepareToSend()

    /// Records that less is held for the reader than before.
    func messageRead()

    /// Ends the reading of messages of which one can't be restored.
    func failReading(_ error: MicroError)
}

// MARK: - Reading

extension CallStream {
    /// Returns what can be read without waiting.
    func poll() -> Inbox.Reading? {
        guard let (reading, opened) = inbox.poll() else { return nil }
        messageRead()
        openWindow(by: opened)
        return reading
    }

    /// Lets the reader wait for a message.
    func wait(_ continuation: UnsafeContinuation<Inbox.Reading, Never>) {
        if let reading = poll() { continuation.resume(returning: reading) } else { inbox.wait(continuation) }
    }
}

// MARK: - Sending

extension CallStream {
    /// Puts a message behind those that wait to be sent.
    ///
    /// - Returns: The error that the call ended with, if it did.
    func send(_ message: EncodedMessage, isCompressed: Bool) -> MicroError? {
        if let error = sendingError { return error }
        guard message.count <= messageLimit else { return SendingFault.tooLong(message.count, messageLimit) }
        prepareToSend()
        append(message, isCompressed: isCompressed)
        bodyChanged()
        return nil
    }

    /// Lets the sender wait until less waits to be sent.
    func waitForRoom(_ continuation: UnsafeContinuation<MicroError?, Never>) {
        guard isCongested else { return continuation.resume(returning: nil) }
        guard sender == nil else {
            let error = MicroError(.internal, "Two tasks send on one call at the same time.")
            return continuation.resume(returning: error)
        }
        sender = continuation
        awaitRoom()
    }
}

/// Why a message is not sent.
enum SendingFault {
    /// Returns the error of sending a message that is longer than allowed.
    static func tooLong(_ length: Int, _ limit: Int) -> MicroError {
        MicroError(
            .resourceExhausted, "The message to send has \(length) bytes; at most \(limit) are allowed.",
            processed: .no)
    }
}
