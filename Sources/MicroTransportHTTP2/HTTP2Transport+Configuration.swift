public import MicroCore
import MicroGRPC
import MicroHTTP2

extension HTTP2Transport {
    /// How the transport is set up.
    public struct Configuration: Hashable, Sendable {
        /// The greatest length of a message, each way, in bytes.
        public var maximumMessageSize: Int

        /// The greatest size of a call's header fields, in bytes as RFC 9113, section 6.5.2, counts them.
        public var maximumHeaderListSize: Int

        /// How many calls a client may have open on one connection.
        public var maximumConcurrentStreams: Int

        /// After how long without a byte from a client the server asks whether it is there; `nil` never.
        public var serverKeepaliveInterval: Duration?

        /// After how long without a byte from a server the client asks whether it is there; `nil` never.
        ///
        /// gRPC's own servers close connections that ask more often than every five minutes.
        public var clientKeepaliveInterval: Duration?

        /// How long the peer may take to answer that.
        public var keepaliveTimeout: Duration

        /// How long opening a connection may take.
        public var connectTimeout: Duration

        /// How many connections a listener has at most; `nil` for as many as the system has.
        public var maximumConnections: Int?

        /// How long a peer may take until it has shown that it speaks HTTP/2.
        public var handshakeTimeout: Duration

        /// How long a client may leave a header block or a message unfinished, and its answer untaken.
        public var stallTimeout: Duration

        /// How many bytes of messages that no handler has read yet a client may have on one connection, beyond
        /// 256 KiB for each call; never less than one message of the greatest length.
        ///
        /// The call whose message goes beyond ends with `resourceExhausted`, and the others go on.
        public var maximumUnreadBytes: Int

        /// How many frames a peer may send at once that do nothing for a call; calls and time earn more.
        public var controlFrameBudget: Int

        /// How many calls a client may make at once that are reset as soon as they began; calls that end as
        /// calls do, and time, earn more.
        public var resetBudget: Int

        /// Whether gRPC calls must keep to all rules of HTTP/2 about fields.
        ///
        /// By default a server drops the fields of HTTP/1.1's connections (`connection`, `keep-alive`,
        /// `proxy-connection`, `transfer-encoding`, `upgrade`), and a `content-length` that is not the length, from
        /// gRPC calls, since calls that came through go-micro's HTTP gateway have them. Other requests that have
        /// such fields are always refused.
        public var isStrictOnFields: Bool

        /// Certificates and verification; plaintext if `nil`.
        public var tls: TLSConfiguration?

        /// Creates a configuration.
        ///
        /// - Parameters:
        ///   - maximumMessageSize: The greatest length of a message, each way, in bytes.
        ///   - maximumHeaderListSize: The greatest size of a call's header fields, in bytes.
        ///   - maximumConcurrentStreams: How many calls a client may have open on one connection.
        ///   - tls: Certificates and verification; plaintext if `nil`.
        public init(
            maximumMessageSize: Int = 4 << 20, maximumHeaderListSize: Int = 16 << 10,
            maximumConcurrentStreams: Int = 100, tls: TLSConfiguration? = nil
        ) {
            self.maximumMessageSize = maximumMessageSize
            self.maximumHeaderListSize = maximumHeaderListSize
            self.maximumConcurrentStreams = maximumConcurrentStreams
            self.serverKeepaliveInterval = .seconds(60)
            self.clientKeepaliveInterval = nil
            self.keepaliveTimeout = .seconds(20)
            self.connectTimeout = .seconds(5)
            let limits = GRPCLimits()
            self.maximumConnections = limits.http2.maximumConnections
            self.handshakeTimeout = limits.http2.handshakeTimeout
            self.stallTimeout = limits.http2.stallTimeout
            self.maximumUnreadBytes = limits.maximumUnreadBytes
            self.controlFrameBudget = limits.http2.controlFrameBudget
            self.resetBudget = limits.http2.resetBudget
            self.isStrictOnFields = limits.isStrictOnFields
            self.tls = tls
        }

        /// Reads a configuration; ``HTTP2Transport/settings`` are what operators may set.
        ///
        /// - Parameter context: The service's configuration.
        /// - Throws: A ``StartError`` that names the variable that can't be used.
        public init(context: PluginContext) throws(StartError) {
            let settings = context.settings
            self.init(tls: try TLSConfiguration(settings))
            maximumMessageSize = try settings[Keys.maximumMessageSize]
            maximumHeaderListSize = try settings[Keys.maximumHeaderListSize]
            maximumConcurrentStreams = try settings[Keys.maximumConcurrentStreams]
            maximumConnections = try settings[Keys.maximumConnections]
            handshakeTimeout = try settings[Keys.handshakeTimeout]
            stallTimeout = try settings[Keys.stallTimeout]
            maximumUnreadBytes = try settings[Keys.maximumUnreadBytes]
            controlFrameBudget = try settings[Keys.controlFrameBudget]
            resetBudget = try settings[Keys.resetBudget]
            isStrictOnFields = try settings[Keys.isStrictOnFields]
        }

        /// The bounds of a connection, keepalive left open.
        var limits: GRPCLimits {
            var limits = GRPCLimits()
            limits.maximumMessageSize = maximumMessageSize
            limits.http2.maximumHeaderListSize = maximumHeaderListSize
            limits.http2.maximumConcurrentStreams = maximumConcurrentStreams
            limits.http2.keepaliveTimeout = keepaliveTimeout
            limits.http2.connectTimeout = connectTimeout
            limits.http2.maximumConnections = maximumConnections
            limits.http2.handshakeTimeout = handshakeTimeout
            limits.http2.stallTimeout = stallTimeout
            limits.maximumUnreadBytes = maximumUnreadBytes
            limits.http2.controlFrameBudget = controlFrameBudget
            limits.http2.resetBudget = resetBudget
            limits.isStrictOnFields = isStrictOnFields
            return limits
        }
    }
}
