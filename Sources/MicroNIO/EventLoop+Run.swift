public import NIOCore

extension EventLoop {
    /// Runs a closure on the loop: at once if the caller is on it, else in its next turn.
    ///
    /// - Parameter body: The closure.
    @inlinable
    public func run(_ body: @escaping @Sendable () -> Void) {
        if inEventLoop { body() } else { execute(body) }
    }
}
