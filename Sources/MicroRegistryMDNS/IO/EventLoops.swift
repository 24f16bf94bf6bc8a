internal import NIOCore
internal import NIOPosix

/// Where the event loop of a registry comes from.
enum EventLoops {
    /// Returns a loop of the process's group.
    static func next() -> any EventLoop { NIOSingletons.posixEventLoopGroup.next() }
}
