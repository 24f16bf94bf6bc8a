public import NIOCore
public import NIOPosix

/// The event loops of the process, one for each core.
///
/// All transports, registries and brokers share them, third parties' included. They are never shut
/// down: a loop outlives every task that prefers it.
public enum EventLoops {
    /// The one group, whose size is `NIOSingletons.groupLoopCountSuggestion`.
    public static var group: MultiThreadedEventLoopGroup { NIOSingletons.posixEventLoopGroup }

    /// The loop whose thread runs the caller, or the next one in turn.
    public static var currentOrNext: any EventLoop {
        MultiThreadedEventLoopGroup.currentEventLoop ?? group.next()
    }

    /// Returns the executor that runs tasks on a loop's thread.
    ///
    /// - Parameter loop: A loop.
    /// - Returns: The executor; the same one for each loop of ``group``.
    public static func executor(of loop: any EventLoop) -> LoopExecutor {
        executors[ObjectIdentifier(loop)] ?? LoopExecutor(loop)
    }

    private static let executors: [ObjectIdentifier: LoopExecutor] = {
        var executors: [ObjectIdentifier: LoopExecutor] = [:]
        for loop in group.makeIterator() { executors[ObjectIdentifier(loop)] = LoopExecutor(loop) }
        return executors
    }()
}
