import Synchronization

/// A value that tasks share, and streams that tell its listeners what happens to it.
///
/// No lock is held while a stream is given an element: the task that reads it is resumed by that, which takes a
/// lock of its own; and cancelling that task holds the same lock while the stream's end takes ours.
public final class Broadcast<Value: Sendable, Element: Sendable>: Sendable {
    private struct State {
        var value: Value
        var lastListener = 0
        var listeners: [Int: AsyncStream<Element>.Continuation] = [:]
        var isFinished = false
    }

    private let state: Mutex<State>

    /// Creates a value without listeners.
    ///
    /// - Parameter value: The value.
    public init(_ value: Value) { state = Mutex(State(value: value)) }

    /// The value as it is now.
    public var value: Value { state.withLock(\.value) }

    /// Returns what is made of the value, without a copy of it.
    ///
    /// - Parameter body: Reads the value; runs under the lock.
    /// - Returns: What the closure returned.
    public func read<Result: Sendable>(_ body: (Value) -> Result) -> Result {
        state.withLock { body($0.value) }
    }

    /// Changes the value, and tells all listeners.
    ///
    /// - Parameters:
    ///   - element: What they are told. When two threads send at once, either may be heard first.
    ///   - change: Changes the value; runs under the lock.
    public func send(_ element: Element, _ change: (inout Value) -> Void) {
        let listeners = state.withLock { state in
            change(&state.value)
            return Array(state.listeners.values)
        }
        for listener in listeners { listener.yield(element) }
    }

    /// Listens from now on.
    ///
    /// - Parameters:
    ///   - limit: How many elements wait for the reader; the oldest are dropped.
    ///   - first: Returns the first element, which the reader gets at once; runs under the lock, so that nothing is sent between
    ///     what it sees and what follows.
    /// - Returns: The elements, until the stream is dropped or its reader is cancelled.
    public func listen(limit: Int, first: (Value) -> Element? = { _ in nil }) -> AsyncStream<Element> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Element.self, bufferingPolicy: .bufferingNewest(limit))
        let number = state.withLock { state -> Int? in
            // Nobody reads the stream yet, so no task is resumed by this.
            if let element = first(state.value) { continuation.yield(element) }
            guard !state.isFinished else { return nil }
            state.lastListener += 1
            state.listeners[state.lastListener] = continuation
            return state.lastListener
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            // Taken out under the lock, and let go of behind it.
            _ = self?.state.withLock { $0.listeners.removeValue(forKey: number) }
        }
        return stream
    }

    /// Ends all streams, and those that are asked for later.
    public func finish() {
        let listeners = state.withLock { state in
            state.isFinished = true
            defer { state.listeners = [:] }
            return Array(state.listeners.values)
        }
        for listener in listeners { listener.finish() }
    }
}
