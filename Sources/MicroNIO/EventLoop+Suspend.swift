public import NIOCore
import Synchronization

extension EventLoop {
    /// Suspends the calling task until something on the loop resumes it.
    ///
    /// - Parameters:
    ///   - body: Keeps the continuation, or resumes it; runs on the loop. It is told whether the task was
    ///     cancelled before, in which case it resumes at once, since `onCancel` may have run already.
    ///   - onCancel: Sees to it that the continuation is resumed; runs on the loop, once, if the task is
    ///     cancelled while it waits.
    /// - Returns: What the continuation was resumed with.
    @inlinable
    public func suspend<Value: Sendable>(
        _ body: @escaping @Sendable (UnsafeContinuation<Value, Never>, _ isCancelled: Bool) -> Void,
        onCancel: @escaping @Sendable () -> Void
    ) async -> Value {
        let cancellation = Cancellation()
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                // A closure for the loop is made only for those who aren't on it.
                if inEventLoop {
                    body(continuation, cancellation.isSet)
                } else {
                    execute { body(continuation, cancellation.isSet) }
                }
            }
        } onCancel: {
            // The flag is set before `onCancel` is put on the loop. If that runs before `body`, then `body`
            // sees the flag; if it runs after, it finds the continuation.
            cancellation.set()
            execute(onCancel)
        }
    }
}

/// Whether a task that suspends was cancelled.
@usableFromInline
final class Cancellation: Sendable {
    private let flag = Atomic<Bool>(false)

    @usableFromInline
    init() {}

    @usableFromInline
    var isSet: Bool { flag.load(ordering: .acquiring) }

    @usableFromInline
    func set() { flag.store(true, ordering: .releasing) }
}
