internal import MicroPluginKit
internal import NIOCore
internal import Synchronization

/// What waits to be written: messages of any thread, which the connection's loop takes all at once.
///
/// While there is no connection it keeps them for the next one, up to a limit. It only ever holds whole
/// messages, so what is left of it can follow a reconnect.
final class Outbox: Sendable {
    /// What became of a message.
    enum Admission {
        /// It is in the buffer, and somebody will write it.
        case taken

        /// It is in the buffer, and the caller must see to it that the loop writes it.
        case takenAndIdle

        /// There is no room; the caller waits for some and tries again.
        case mustWait

        case refused(NATSError)
    }

    private struct State {
        var buffer = ByteBuffer()
        var isOnline = false
        var isClosed = false
        var isFlushWanted = false

        /// Whether the flush that is wanted is in no hurry.
        var isPatient = false
        var maximumPayload = 1 << 20
        var messages = 0

        /// The line of the last message, which often is the next one's as well.
        var line: [UInt8] = []

        // Its subject if that is ASCII: other strings may be equal, and yet differ in their bytes. No string
        // of as many bytes equals an ASCII one without being the same.
        var lineSubject: String?
        var lineSubjectLength = 0
        var lineLength = -1
        var waiters = WaiterTable<Void>()
    }

    /// How many bytes are worth a write of their own.
    private static let plenty = 32 << 10

    /// The largest buffer that is kept for the next messages.
    private static let largestSpare = 2 << 20

    private let state = Mutex(State())
    private let onlineLimit: Int
    private let offlineLimit: Int

    /// Creates an empty outbox.
    ///
    /// - Parameters:
    ///   - onlineLimit: From how many bytes on publishers wait while there is a connection.
    ///   - offlineLimit: How many bytes are kept while there is none.
    init(onlineLimit: Int, offlineLimit: Int) {
        self.onlineLimit = onlineLimit
        self.offlineLimit = offlineLimit
    }

    /// The number of messages that were taken.
    var messageCount: Int { state.withLock(\.messages) }

    /// Adds a message; its subject is checked here, since the last message's need not be checked again.
    ///
    /// A request, which has a number, is urgent, and doesn't wait for room.
    @inline(__always)
    func add<Payload: CommandPayload>(
        _ payload: Payload, to subject: String, reply: String?, headers: [UInt8]?, request: UInt64? = nil
    ) -> Admission {
        let size = payload.byteCount + (headers?.count ?? 0)
        return state.withLock { state in
            // A line is prepared only for a subject that has passed the check.
            let isKnown = state.lineSubject == subject && state.lineSubjectLength == subject.utf8.count
            if !isKnown, let error = Self.fault(subject) { return .refused(error) }
            guard size <= state.maximumPayload else {
                return .refused(Self.tooLarge(size, state.maximumPayload))
            }
            if state.isOnline {
                if request == nil, state.buffer.readableBytes >= onlineLimit { return .mustWait }
            } else {
                if state.isClosed { return .refused(.closed) }
                guard state.buffer.readableBytes + size + subject.utf8.count + 64 <= offlineLimit else {
                    return .refused(Self.full(offlineLimit))
                }
            }
            if !isKnown { Self.remember(subject, in: &state) }
            let isPlain = reply == nil && headers == nil
            if !isPlain || state.lineLength != size {
                PublishLine.write(
                    &state.line, subject: subject, reply: reply, request: request,
                    headerLength: headers?.count, length: size)
                state.lineLength = isPlain ? size : -1
            }
            state.buffer.writeMessage(payload, line: state.line, headers: headers)
            state.messages &+= 1
            guard state.isOnline else { return .taken }
            let isSlow = state.isPatient && (request != nil || state.buffer.readableBytes >= Self.plenty)
            if state.isFlushWanted, !isSlow { return .taken }
            state.isFlushWanted = true
            state.isPatient = false
            return .takenAndIdle
        }
    }

    private static func fault(_ subject: String) -> NATSError? {
        do throws(NATSError) {
            try NATSSubject.checkPublish(subject)
            return nil
        } catch {
            return error
        }
    }

    private static func remember(_ subject: String, in state: inout State) {
        state.lineSubject = subject.utf8.allSatisfy { $0 < 0x80 } ? subject : nil
        state.lineSubjectLength = subject.utf8.count
        state.lineLength = -1
    }

    /// Waits until there may be room.
    func waitForRoom() async {
        await withWaiter(cancelled: ()) { waiter in
            state.withLock { state in
                guard state.isOnline, state.buffer.readableBytes >= onlineLimit else { return () }
                state.waiters.insert(waiter)
                return nil
            }
        } remove: { id in
            state.withLock { $0.waiters.remove(id) }
        }
    }

    static func tooLarge(_ size: Int, _ limit: Int) -> NATSError {
        NATSError(
            .payloadTooLarge,
            "The message has \(size) bytes, and the NATS server takes \(limit). Send less, or raise max_payload."
        )
    }

    private static func full(_ limit: Int) -> NATSError {
        NATSError(
            .bufferFull,
            "There is no connection to a NATS server, and the buffer for the time after it is full (\(limit) bytes)."
        )
    }
}

// MARK: - For the connection's loop

extension Outbox {
    /// Begins to be written.
    ///
    /// - Parameter maximumPayload: What the server of the connection takes.
    /// - Returns: The messages that are larger, which were taken out.
    func goOnline(maximumPayload: Int) -> [WaitingMessage] {
        state.withLock { state in
            state.isOnline = true
            state.isFlushWanted = true
            return Self.limit(&state, maximumPayload)
        }
    }

    /// Refuses messages from now on that are larger than the server takes.
    ///
    /// - Parameter maximumPayload: What it takes.
    /// - Returns: The messages that wait and are larger, which were taken out.
    func limit(maximumPayload: Int) -> [WaitingMessage] {
        state.withLock { Self.limit(&$0, maximumPayload) }
    }

    private static func limit(_ state: inout State, _ maximumPayload: Int) -> [WaitingMessage] {
        let isSmaller = maximumPayload < state.maximumPayload
        state.maximumPayload = maximumPayload
        return isSmaller ? WaitingMessage.removeLarge(from: &state.buffer, limit: maximumPayload) : []
    }

    /// Keeps messages for the next connection from now on.
    func goOffline() {
        let waiters = state.withLock { state in
            state.isOnline = false
            state.isFlushWanted = false
            return state.waiters.removeAll()
        }
        waiters.resumeAll()
    }

    /// Refuses messages from now on, and drops those that it has.
    ///
    /// - Returns: How many messages were dropped.
    func close() -> Int {
        let (waiters, dropped) = state.withLock { state in
            state.isOnline = false
            state.isClosed = true
            defer { state.buffer = ByteBuffer() }
            return (state.waiters.removeAll(), WaitingMessage.count(in: state.buffer))
        }
        waiters.resumeAll()
        return dropped
    }

    /// Takes all that is to be written.
    ///
    /// - Parameter buffer: What was taken the last time and has been written; publishers fill its memory next.
    func take(in buffer: inout ByteBuffer) {
        if buffer.capacity > Self.largestSpare { buffer = ByteBuffer() } else { buffer.clear() }
        let waiters = state.withLock { state -> [Waiter<Void>] in
            guard state.buffer.readableBytes > 0 else { return [] }
            state.isPatient = false
            swap(&state.buffer, &buffer)
            return state.waiters.removeAll()
        }
        waiters.resumeAll()
    }

    /// What is to be done after a write.
    enum Next {
        /// The next publisher says so when there is something.
        case nothing

        /// Much has come meanwhile.
        case soon

        /// Little has come, and more may.
        case later
    }

    /// Returns what is to be done after a write.
    func next() -> Next {
        state.withLock { state in
            let bytes = state.buffer.readableBytes
            state.isFlushWanted = bytes > 0
            state.isPatient = bytes > 0 && bytes < Self.plenty
            return bytes == 0 ? .nothing : state.isPatient ? .later : .soon
        }
    }
}
