package import Logging
import MicroCore
import MicroPluginKit
import NIOCore
package import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension ServerBootstrap {
    /// Lets the listener pause when the process has no file descriptors left for new connections.
    ///
    /// Clients wait in the system's queue until then. Without a pause, the event loop would try again in each
    /// of its turns.
    ///
    /// - Parameter logger: Where it is reported, once a minute at most.
    /// - Returns: The bootstrap.
    package func acceptBackoff(logger: Logger) -> Self {
        serverChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(AcceptBackoff(logger: logger))
            }
        }
    }
}

/// Stops accepting connections for some time after that failed for want of file descriptors or memory.
private final class AcceptBackoff: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private let logger: Logger
    private let throttle = LogThrottle(burst: 1)

    /// The pauses until a connection is accepted again.
    private var backoff = ExponentialBackoff(first: .milliseconds(50), longest: .seconds(1), jitter: 1...1)
    private var end: Scheduled<Void>?

    init(logger: Logger) { self.logger = logger }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        backoff.reset()
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? IOError, let reason = Self.reason(error.errnoCode) {
            rest(context.channel, reason)
        }
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end?.cancel()
        context.fireChannelInactive()
    }

    private static func reason(_ code: CInt) -> String? {
        switch code {
        case EMFILE: FileDescriptors.exhaustion
        case ENFILE: FileDescriptors.exhaustionOfSystem
        case ENOBUFS, ENOMEM: "the system has no memory for them"
        default: nil
        }
    }

    private func rest(_ channel: any Channel, _ reason: String) {
        guard end == nil else { return }
        throttle.admit { _ in
            logger.warning(
                "New connections have to wait: \(reason).",
                metadata: ["server.address": "\(channel.localAddress.map { "\($0)" } ?? "unknown")"])
        }
        // It is the channel's registration for reading that keeps the event loop busy, so it must go.
        _ = try? channel.syncOptions?.setOption(.autoRead, value: false)
        end = channel.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(backoff.next())) {
            self.end = nil
            // A channel that was closed meanwhile needs no reading.
            _ = try? channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }
}
