public import MicroCore

extension HTTP2Transport {
    /// What operators may set.
    public static let settings =
        [
            Keys.maximumMessageSize.declaration, Keys.maximumHeaderListSize.declaration,
            Keys.maximumConcurrentStreams.declaration, Keys.maximumConnections.declaration,
            Keys.handshakeTimeout.declaration, Keys.stallTimeout.declaration,
            Keys.maximumUnreadBytes.declaration, Keys.controlFrameBudget.declaration,
            Keys.resetBudget.declaration, Keys.isStrictOnFields.declaration,
        ] + TLSConfiguration.sharedSettings

    /// The keys begin as go-micro's users expect them: what bounds a server with `server`.
    enum Keys {
        private static let defaults = Configuration()

        static let maximumMessageSize = Setting(
            "max.message.size", .number(in: 1...Int(Int32.max)), default: defaults.maximumMessageSize,
            "the greatest length of a message, each way, in bytes")
        static let maximumHeaderListSize = Setting(
            "max.header.size", .number(in: 1024...65536), default: defaults.maximumHeaderListSize,
            "the greatest size of a call's header fields, in bytes")
        static let maximumConcurrentStreams = Setting(
            "max.concurrent.streams", .number(in: 1...100_000), default: defaults.maximumConcurrentStreams,
            "how many calls a client may have open on one connection")
        static let maximumConnections = Setting(
            "server.max.connections", .number(in: 1...10_000_000), without: "no limit", scope: .shared,
            "how many connections there may be; more are closed at once")
        static let handshakeTimeout = Setting(
            "server.handshake.timeout", .duration(in: .milliseconds(100) ... .seconds(600)),
            default: defaults.handshakeTimeout, scope: .shared,
            "how long a client may take until it has shown that it speaks HTTP/2")
        static let stallTimeout = Setting(
            "server.stall.timeout", .duration(in: .milliseconds(100) ... .seconds(86400)),
            default: defaults.stallTimeout, scope: .shared,
            "how long it may leave a header block or message unfinished, or its answer untaken")
        static let maximumUnreadBytes = Setting(
            "server.max.unread.bytes", .number(in: 1...(1 << 40)), default: defaults.maximumUnreadBytes,
            scope: .shared,
            "how many bytes of messages that are unfinished or that no handler has read a connection may hold, beyond "
                + "256 KiB for each call; at least one message")
        static let controlFrameBudget = Setting(
            "server.control.frames", .number(in: 10...1_000_000), default: defaults.controlFrameBudget,
            scope: .shared, "how many frames it may send at once that do nothing for a call")
        static let resetBudget = Setting(
            "server.resets", .number(in: 10...1_000_000), default: defaults.resetBudget, scope: .shared,
            "how many calls it may make at once that are reset as soon as they began")
        static let isStrictOnFields = Setting(
            "server.strict.fields", .flag, default: defaults.isStrictOnFields, scope: .shared,
            "`true` refuses gRPC calls that have fields of HTTP/1.1's connections, or a wrong `content-length`, as calls "
                + "from go-micro's HTTP gateway have; otherwise the fields are dropped")
    }
}
