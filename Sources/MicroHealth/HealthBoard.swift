internal import Synchronization

/// The states that a program has set, and who wants to know of changes.
final class HealthBoard: Sendable {
    private struct Content {
        var states: [String: HealthState] = [:]
        var nextListener = 0
        var listeners: [Int: AsyncStream<Void>.Continuation] = [:]
    }

    private let content = Mutex(Content())

    var states: [String: HealthState] { content.withLock(\.states) }

    func set(_ state: HealthState?, for service: String) {
        content.withLock { content in
            content.states[service] = state
            for listener in content.listeners.values { listener.yield() }
        }
    }

    /// A signal for each change; several that nobody has read are one.
    ///
    /// - Returns: The signals, and how to give one.
    func changes() -> (signals: AsyncStream<Void>, signal: AsyncStream<Void>.Continuation) {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = content.withLock { content in
            content.nextListener += 1
            content.listeners[content.nextListener] = continuation
            return content.nextListener
        }
        continuation.onTermination = { [self] _ in
            content.withLock { _ = $0.listeners.removeValue(forKey: number) }
        }
        return (stream, continuation)
    }
}
