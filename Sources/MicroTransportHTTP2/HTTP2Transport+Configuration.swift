import Configuration
public import MicroCore
import MicroGRPC

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
            self.tls = tls
        }

        /// Reads a configuration.
        ///
        /// ## Configuration keys
        ///
        /// - `transport.max.message.size` (`MICRO_TRANSPORT_MAX_MESSAGE_SIZE`): The greatest length of a
        ///   message in bytes, 1 to 2147483647; 4194304 by default.
        /// - `transport.max.header.size` (`MICRO_TRANSPORT_MAX_HEADER_SIZE`): The greatest size of a call's
        ///   header fields in bytes, 1024 to 65536; 16384 by default.
        /// - `transport.max.concurrent.streams` (`MICRO_TRANSPORT_MAX_CONCURRENT_STREAMS`): How many calls a
        ///   client may have open on one connection, 1 to 100000; 100 by default.
        /// - `tls.…` (`MICRO_TLS_…`): Certificates and verification; see `TLSConfiguration`.
        ///
        /// - Parameter context: The service's configuration.
        /// - Throws: A ``StartError`` that names the variable that can't be used.
        public init(context: PluginContext) throws(StartError) {
            self.init(tls: try TLSConfiguration(config: context.sharedConfig))
            let config = context.sharedConfig
            func number(_ key: ConfigKey, _ name: String, _ range: ClosedRange<Int>, _ value: Int)
                throws(StartError) -> Int
            {
                guard let text = config.string(forKey: key), !text.isEmpty else { return value }
                guard let number = Int(text), range.contains(number) else {
                    throw StartError(
                        .invalidConfiguration,
                        "\(name) is \"\(text)\"; it takes a number from \(range.lowerBound) to \(range.upperBound)."
                    )
                }
                return number
            }
            maximumMessageSize = try number(
                "transport.max.message.size", "MICRO_TRANSPORT_MAX_MESSAGE_SIZE", 1...Int(Int32.max),
                maximumMessageSize)
            maximumHeaderListSize = try number(
                "transport.max.header.size", "MICRO_TRANSPORT_MAX_HEADER_SIZE", 1024...65536,
                maximumHeaderListSize)
            maximumConcurrentStreams = try number(
                "transport.max.concurrent.streams", "MICRO_TRANSPORT_MAX_CONCURRENT_STREAMS", 1...100_000,
                maximumConcurrentStreams)
        }

        /// The bounds of a connection, keepalive left open.
        var limits: HTTP2Limits {
            var limits = HTTP2Limits()
            limits.maximumMessageSize = maximumMessageSize
            limits.maximumHeaderListSize = maximumHeaderListSize
            limits.maximumConcurrentStreams = maximumConcurrentStreams
            limits.keepaliveTimeout = keepaliveTimeout
            limits.connectTimeout = connectTimeout
            return limits
        }
    }
}
