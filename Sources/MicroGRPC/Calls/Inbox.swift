import MicroCore

/// The messages of one direction of a call that have come and were not yet read.
///
/// The peer's window is opened by what was read: while a message waits, nothing that comes behind it
/// opens the window, so no more than a window's worth is held for a reader that doesn't read. Only a few
/// messages are cut out of it ahead of the reader: each costs some memory of its own, and a window holds
/// tens of thousands of empty ones.
struct Inbox {
    /// What a reader gets.
    typealias Reading = Result<EncodedMessage?, MicroError>

    /// How many messages are cut out ahead of the reader.
    private static let prefetchCount = 64

    private var assembler: MessageAssembler
    private var messages: [EncodedMessage] = []
    private var head = 0

    /// The bytes behind the messages, not looked at yet, from a position on.
    private var backlog: [UInt8] = []
    private var backlogStart = 0
    private var withheld = 0

    /// The bytes of the messages.
    private var messageBytes = 0
    private var end: Reading?
    private var reader: UnsafeContinuation<Reading, Never>?

    /// Creates an inbox.
    ///
    /// - Parameter limit: The greatest length of a message, in bytes.
    init(limit: Int) { assembler = MessageAssembler(limit: limit) }

    /// How messages may be compressed, as the head has announced it.
    var compression: Compression {
        get { assembler.compression }
        set { assembler.compression = newValue }
    }

    /// Whether the bytes so far end inside a message, as far as they were looked at.
    var isInsideMessage: Bool { backlog.isEmpty && assembler.isInsideMessage }

    /// Whether no more messages should be cut out before some are read; what comes is to be kept then.
    var isFull: Bool { messages.count - head >= Self.prefetchCount || !backlog.isEmpty }

    /// Buffers bytes that come behind the messages.
    mutating func buffer(_ bytes: UnsafeRawBufferPointer) {
        if !bytes.isEmpty, end == nil { backlog.append(contentsOf: bytes) }
    }

    /// How many bytes are held: of a message that isn't complete, and of what was not read yet.
    var heldCount: Int { assembler.heldCount + messageBytes + backlog.count - backlogStart }

    /// Whether a message waits.
    var hasMessage: Bool { head < messages.count }

    /// Whether the last message has come, or the reading failed.
    var hasEnded: Bool { end != nil }

    /// Takes bytes that came, and returns the next message in them.
    mutating func next(from bytes: inout UnsafeRawBufferPointer) throws(MessageAssembler.Fault)
        -> EncodedMessage?
    {
        try assembler.next(from: &bytes)
    }

    /// Gives a message to the reader, or keeps it.
    mutating func deliver(_ message: EncodedMessage) {
        if reader != nil { resume(.success(message)) } else { append(message) }
    }

    private mutating func append(_ message: EncodedMessage) {
        messageBytes += message.count
        messages.append(message)
    }

    /// Records bytes that came, and returns by how many the window may be opened.
    mutating func didReceive(_ count: Int) -> Int {
        withheld += count
        return release()
    }

    /// Ends the inbox.
    ///
    /// - Parameters:
    ///   - end: What is read behind the last message.
    ///   - keepsMessages: Whether the messages that wait can still be read, also in front of an error.
    mutating func finish(_ end: Reading, keepsMessages: Bool = false) {
        guard self.end == nil else { return }
        self.end = end
        if case .failure = end, !keepsMessages { dropMessages() }
        if !hasMessage { resume(end) }
    }

    /// Ends the inbox with an error, whatever it held: a message that was read can't be understood.
    mutating func abandon(_ error: MicroError) {
        end = nil
        finish(.failure(error))
    }

    /// Returns what can be read without waiting, and by how many bytes the window may be opened.
    mutating func poll() -> (reading: Reading, opened: Int)? {
        if head < messages.count {
            let message = messages[head]
            head += 1
            messageBytes -= message.count
            if head == messages.count {
                messages.removeAll(keepingCapacity: true)
                head = 0
                cutBacklog()
            }
            return (.success(message), release())
        }
        return end.map { ($0, 0) }
    }

    /// Cuts the next messages out of the bytes that were kept.
    private mutating func cutBacklog() {
        guard !backlog.isEmpty else { return }
        let (kept, start) = (backlog, backlogStart)
        backlog = []
        backlogStart = 0
        kept.withUnsafeBytes { bytes in
            var rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
            do throws(MessageAssembler.Fault) {
                while messages.count < Self.prefetchCount, let message = try assembler.next(from: &rest) {
                    append(message)
                }
                backlogStart = rest.isEmpty ? 0 : kept.count - rest.count
            } catch {
                // The messages in front of the fault were good, but a call with a fault has failed.
                dropMessages()
                end = .failure(error.error)
                backlogStart = 0
                return
            }
        }
        if backlogStart > 0 {
            backlog = kept
        } else if assembler.isInsideMessage, case .success? = end {
            end = .failure(MicroError(.internal, "The call ended inside a message."))
        }
    }

    private mutating func dropMessages() {
        messages = []
        messageBytes = 0
        head = 0
        backlog = []
        backlogStart = 0
        assembler.drop()
    }

    /// Lets a reader wait.
    ///
    /// There is one at a time: a second one gets an error.
    mutating func wait(_ continuation: UnsafeContinuation<Reading, Never>) {
        guard reader == nil else {
            return continuation.resume(
                returning: .failure(MicroError(.internal, "Two tasks read one call at the same time.")))
        }
        reader = continuation
    }

    /// Lets a waiting reader go on with an error, without ending the inbox.
    mutating func cancelReader() {
        resume(.failure(MicroError(.cancelled, "Reading the call was cancelled.")))
    }

    private mutating func resume(_ reading: Reading) {
        guard let reader else { return }
        self.reader = nil
        reader.resume(returning: reading)
    }

    private mutating func release() -> Int {
        guard !hasMessage else { return 0 }
        defer { withheld = 0 }
        return withheld
    }
}
