import MicroCore
import MicroPluginKit
import Synchronization

/// A call within the process: both directions, the metadata, and the one end.
final class MemoryCall: Sendable {
    private struct State {
        var takesOneMessage = false
        var sentMessages = 0
        var requestHasEnded = false
        var metadata: Metadata?
        var metadataReaders = WaiterTable<Void>()
        var outcome: Result<Metadata, MicroError>?
        var task: Task<Void, Never>?
    }

    /// What the server sees of the call before its first message.
    let head: CallHead

    let requests: MessagePipe
    let responses: MessagePipe

    private let requestLimit: Int
    private let responseLimit: Int
    private let onEnd: @Sendable (MemoryCall) -> Void
    private let state = Mutex(State())

    /// Creates a call that nobody serves yet.
    ///
    /// - Parameters:
    ///   - head: What the server sees of it.
    ///   - server: The server's limits.
    ///   - client: The client's limits.
    ///   - onEnd: Called once when the call is over for the client.
    init(
        _ head: CallHead, server: MemoryTransport.Configuration, client: MemoryTransport.Configuration,
        onEnd: @escaping @Sendable (MemoryCall) -> Void
    ) {
        self.head = head
        requests = MessagePipe(capacity: server.bufferedMessages)
        responses = MessagePipe(capacity: client.bufferedMessages)
        requestLimit = server.maximumMessageSize
        responseLimit = client.maximumMessageSize
        self.onEnd = onEnd
    }

    /// Records what the server makes of the call, before the first message.
    func expect(_ acceptance: CallDecision) {
        switch acceptance {
        case .unary, .serverStream: state.withLock { $0.takesOneMessage = true }
        case .stream, .refuse: break
        }
    }

    /// Takes the task that serves the call, which is cancelled when the call is reset.
    func attach(_ task: Task<Void, Never>) {
        let isReset = state.withLock { state in
            state.task = task
            return state.outcome != nil
        }
        if isReset { task.cancel() }
    }

    /// Ends the call as the server wants it; does nothing if it is over.
    ///
    /// - Parameter outcome: The trailing metadata, or the error to answer with.
    func end(_ outcome: Result<Metadata, MicroError>) {
        guard settle(outcome) else { return }
        onEnd(self)
        let over = MicroError(.cancelled, "The call is over: the server has ended it.")
        // The requests end first: a client that has read the end must not be able to send any more.
        switch outcome {
        case .success:
            requests.fail(reading: over, writing: over)
            responses.finish(writing: over)
        case .failure(let error):
            requests.fail(reading: over, writing: error)
            responses.finish(throwing: error, writing: over)
        }
    }

    /// Ends the call at once and cancels its handler; does nothing if it is over.
    ///
    /// - Parameter error: What the client is told.
    func reset(_ error: MicroError) {
        guard settle(.failure(error)) else { return }
        onEnd(self)
        requests.fail(reading: error.asHandlersSeeIt, writing: error)
        responses.fail(reading: error, writing: error.asHandlersSeeIt)
        state.withLock(\.task)?.cancel()
    }

    /// Writes down how the call ended, once.
    ///
    /// - Returns: Whether it was not over before.
    private func settle(_ outcome: Result<Metadata, MicroError>) -> Bool {
        let readers = state.withLock { state -> [Waiter<Void>]? in
            guard state.outcome == nil else { return nil }
            state.outcome = outcome
            return state.metadataReaders.removeAll()
        }
        readers?.resumeAll()
        return readers != nil
    }
}

// What the client does with the call.
extension MemoryCall: ClientCallStream {
    func receive() async throws(MicroError) -> EncodedMessage? {
        try await responses.receive(onCancel: cancel)
    }

    func send(_ message: EncodedMessage) async throws(MicroError) {
        if message.count > requestLimit { reset(.tooLarge("request", message, requestLimit)) }
        let isTooMany = state.withLock { state in
            guard !state.requestHasEnded else { return false }
            state.sentMessages += 1
            return state.takesOneMessage && state.sentMessages > 1
        }
        if isTooMany {
            reset(MicroError(.unimplemented, "\(head.path) takes one message, and the client sent more."))
        }
        try await requests.send(message, onCancel: cancel)
    }

    func finish() async throws(MicroError) { finishRequest() }

    /// Ends the request; the answer can still be read.
    func finishRequest() {
        state.withLock { $0.requestHasEnded = true }
        requests.finish(writing: MicroError(.internal, "The request has ended, nothing more can be sent."))
    }

    func metadata() async throws(MicroError) -> Metadata {
        if let result = metadataIfThere() { return try result.get() }
        await withWaiter(cancelled: ()) { reader in
            state.withLock { state in
                if state.metadata != nil || state.outcome != nil { return () }
                state.metadataReaders.insert(reader)
                return nil
            }
        } remove: { _ in
            // The end of the call resumes all of its readers.
            cancel()
            return nil
        }
        return try metadataIfThere()?.get() ?? [:]
    }

    private func metadataIfThere() -> Result<Metadata, MicroError>? {
        state.withLock { state in
            if let metadata = state.metadata { return .success(metadata) }
            return state.outcome.map { outcome in outcome.map { _ in [:] } }
        }
    }

    var trailingMetadata: Metadata {
        switch state.withLock(\.outcome) {
        case .success(let metadata): metadata
        case .failure(let error): error.trailingMetadata
        case nil: [:]
        }
    }

    func cancel() { reset(MicroError(.cancelled, "The caller has given the call up.")) }
}

// What the server does with the call.
extension MemoryCall {
    /// Sends the metadata in front of the first message; does nothing once they are sent.
    func answer(with metadata: Metadata) throws(MicroError) {
        let result = state.withLock { state -> Result<[Waiter<Void>], MicroError> in
            switch state.outcome {
            case .failure(let error): return .failure(error.asHandlersSeeIt)
            case .success: return .failure(MicroError(.cancelled, "The call is over."))
            case nil: break
            }
            guard state.metadata == nil else { return .success([]) }
            state.metadata = metadata
            return .success(state.metadataReaders.removeAll())
        }
        try result.get().resumeAll()
    }

    /// Sends a message of the answer, with empty metadata in front if there are none yet.
    func answer(with message: EncodedMessage) async throws(MicroError) {
        if message.count > responseLimit { reset(.tooLarge("answer", message, responseLimit)) }
        try answer(with: [:])
        try await responses.send(message, onCancel: responses.interruptWriter)
    }
}

extension MicroError {
    /// What a handler is told whose call was reset.
    ///
    /// That the server can't be reached is news for the client alone.
    fileprivate var asHandlersSeeIt: Self {
        status == .unavailable ? MicroError(.cancelled, detail) : self
    }

    fileprivate static func tooLarge(_ part: String, _ message: EncodedMessage, _ limit: Int) -> Self {
        MicroError(
            .resourceExhausted,
            "A message of the \(part) has \(message.count) bytes; the limit is \(limit) bytes.")
    }
}
