import MicroCore
import MicroPluginKit
import Synchronization

/// One direction of a call: a bounded queue between one writer and one reader.
final class MessagePipe: Sendable {
    private typealias Reader = Waiter<Result<EncodedMessage?, MicroError>>
    private typealias Writer = Waiter<Result<Void, MicroError>>

    /// What the two sides get once all messages have been read, or at once after a reset.
    private struct End {
        var reading: Result<EncodedMessage?, MicroError>
        var writing: MicroError
    }

    private struct State {
        var messages: [EncodedMessage] = []
        var end: End?
        var reader: Reader?
        var writer: (message: EncodedMessage, waiter: Writer)?
    }

    private let capacity: Int
    private let state = Mutex(State())

    /// Creates an empty pipe.
    ///
    /// - Parameter capacity: How many messages wait before their writer does.
    init(capacity: Int) { self.capacity = max(1, capacity) }

    /// Writes a message; suspends while the queue is full.
    ///
    /// - Parameters:
    ///   - message: The message.
    ///   - onCancel: What to do when the suspended task is cancelled; must end the waiting.
    /// - Throws: What the pipe has ended with for its writer.
    func send(_ message: EncodedMessage, onCancel: @Sendable () -> Void) async throws(MicroError) {
        if let result = offer(message) { return try result.get() }
        let result: Result<Void, MicroError> = await withWaiter(cancelled: .failure(.interrupted)) {
            offer(message, $0)
        } remove: { _ in
            onCancel()
            return nil
        }
        try result.get()
    }

    /// Reads a message; suspends until one is there.
    ///
    /// - Parameter onCancel: What to do when the suspended task is cancelled; must end the waiting.
    /// - Returns: The message, or `nil` behind the last one.
    /// - Throws: What the pipe has ended with for its reader.
    func receive(onCancel: @Sendable () -> Void) async throws(MicroError) -> EncodedMessage? {
        if let result = take() { return try result.get() }
        let result: Result<EncodedMessage?, MicroError> = await withWaiter(cancelled: .failure(.interrupted))
        {
            take($0)
        } remove: { _ in
            onCancel()
            return nil
        }
        return try result.get()
    }

    /// Ends the pipe behind the messages that wait.
    ///
    /// - Parameters:
    ///   - error: What the reader gets then; `nil` for the regular end.
    ///   - writing: What a writer gets from now on.
    func finish(throwing error: MicroError? = nil, writing: MicroError) {
        let reading: Result<EncodedMessage?, MicroError> = error.map { .failure($0) } ?? .success(nil)
        end(End(reading: reading, writing: writing), dropsMessages: false)
    }

    /// Ends the pipe at once; messages that wait are dropped.
    func fail(reading: MicroError, writing: MicroError) {
        end(End(reading: .failure(reading), writing: writing), dropsMessages: true)
    }

    /// Wakes the reader with an error, which ends nothing.
    func interruptReader() {
        let reader = state.withLock { state in
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: .failure(.interrupted))
    }

    /// Wakes the writer with an error; its message isn't sent, and nothing else ends.
    func interruptWriter() {
        let writer = state.withLock { state in
            defer { state.writer = nil }
            return state.writer
        }
        writer?.waiter.resume(returning: .failure(.interrupted))
    }

    private func end(_ end: End, dropsMessages: Bool) {
        let (reader, writer) = state.withLock { state -> (Reader?, Writer?) in
            if dropsMessages {
                state.messages = []
            } else if state.end != nil {
                return (nil, nil)
            }
            state.end = end
            defer { (state.reader, state.writer) = (nil, nil) }
            return (state.reader, state.writer?.waiter)
        }
        reader?.resume(returning: end.reading)
        writer?.resume(returning: .failure(end.writing))
    }

    /// Writes a message if there is room.
    ///
    /// - Parameters:
    ///   - message: The message.
    ///   - waiter: Who waits if there is none; without it the message isn't taken.
    /// - Returns: What became of it; `nil` if there is no room.
    private func offer(_ message: EncodedMessage, _ waiter: Writer? = nil) -> Result<Void, MicroError>? {
        var woken: Reader?
        let result = state.withLock { state -> Result<Void, MicroError>? in
            if let end = state.end { return .failure(end.writing) }
            guard state.writer == nil else { return .failure(.usedTwice("writing")) }
            if let reader = state.reader {
                woken = reader
                state.reader = nil
                return .success(())
            }
            if state.messages.count < capacity {
                state.messages.append(message)
                return .success(())
            }
            guard let waiter else { return nil }
            guard !Task.isCancelled else { return .failure(.interrupted) }
            state.writer = (message, waiter)
            return nil
        }
        woken?.resume(returning: .success(message))
        return result
    }

    /// Reads a message if one is there.
    ///
    /// - Parameter waiter: Who waits if there is none.
    /// - Returns: The message or the end; `nil` if there is neither yet.
    private func take(_ waiter: Reader? = nil) -> Result<EncodedMessage?, MicroError>? {
        var woken: Writer?
        let result = state.withLock { state -> Result<EncodedMessage?, MicroError>? in
            if !state.messages.isEmpty {
                let message = state.messages.removeFirst()
                if let writer = state.writer {
                    state.messages.append(writer.message)
                    woken = writer.waiter
                    state.writer = nil
                }
                return .success(message)
            }
            if let end = state.end { return end.reading }
            guard state.reader == nil else { return .failure(.usedTwice("reading")) }
            guard let waiter else { return nil }
            guard !Task.isCancelled else { return .failure(.interrupted) }
            state.reader = waiter
            return nil
        }
        woken?.resume(returning: .success(()))
        return result
    }
}

extension MicroError {
    /// What a task gets that was cancelled while it waited.
    static var interrupted: Self { MicroError(.cancelled, "The task that waited was cancelled.") }

    fileprivate static func usedTwice(_ activity: String) -> Self {
        MicroError(.internal, "Two tasks are \(activity) in one direction of a call.")
    }
}
