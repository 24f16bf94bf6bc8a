internal import MicroNIO
internal import MicroTLS
internal import NIOCore

/// Hands what happens on a channel to the client's core, which lives on the same loop.
final class NATSChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let core: NATSCore

    /// The number of the connection, so that nothing late is taken for the next one's.
    private let link: Int

    init(core: NATSCore, link: Int) {
        self.core = core
        self.link = link
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        core.assumeIsolated { [link] core in core.receive(buffer, link: link) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        core.assumeIsolated { [link] core in core.writabilityChanged(link: link) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is TLSHandshakeCompleted {
            core.assumeIsolated { [link] core in core.secured(link: link) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let reason: NATSError
        if let error = error as? TLSError {
            let isLoss = error.code == .truncated || error.code == .closed
            reason = NATSError(isLoss ? .connectionLost : .insecure, error.message)
        } else if ConnectFailure.isPeersClose(error) {
            // The channel is closed behind this.
            return
        } else {
            let text = "The connection to the NATS server was lost: \(ConnectFailure.reason(of: error))."
            reason = NATSError(.connectionLost, text)
        }
        core.assumeIsolated { [link] core in core.fail(link: link, reason) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        core.assumeIsolated { [link] core in core.ended(link: link) }
    }
}
