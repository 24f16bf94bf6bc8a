internal import NIOCore

/// Tasks that wait for something on the loop, each with a time limit.
struct LoopWaiters {
    typealias Continuation = UnsafeContinuation<Result<Void, NATSError>, Never>

    private var waiting: [UInt64: (continuation: Continuation, timer: Scheduled<Void>)] = [:]

    mutating func add(_ number: UInt64, _ continuation: Continuation, timer: Scheduled<Void>) {
        waiting[number] = (continuation, timer)
    }

    /// Resumes one of them, if it still waits.
    mutating func resume(_ number: UInt64, _ result: Result<Void, NATSError>) {
        guard let (continuation, timer) = waiting.removeValue(forKey: number) else { return }
        timer.cancel()
        continuation.resume(returning: result)
    }

    /// Resumes all of them.
    mutating func resumeAll(_ result: Result<Void, NATSError>) {
        let all = waiting.values
        waiting = [:]
        for (continuation, timer) in all {
            timer.cancel()
            continuation.resume(returning: result)
        }
    }
}
