import NIOCore

/// Runs the jobs of tasks on the thread of an event loop.
///
/// A task that prefers it starts in place, on the thread that reads a connection, and returns to that
/// thread after each suspension. Default actors, child tasks and `Task.yield()` stay on the loop.
public final class LoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(_ loop: any EventLoop) { self.loop = loop }

    /// Runs a job in the loop's next turn.
    ///
    /// - Parameter job: The job.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
