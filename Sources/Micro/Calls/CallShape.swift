/// Whether the requests and the replies of an endpoint are single messages or streams.
public struct CallShape: Hashable, Sendable {
    /// Whether the caller sends a stream of messages.
    public let streamsRequests: Bool

    /// Whether the endpoint answers with a stream of messages.
    public let streamsReplies: Bool

    /// One message each way.
    public static var unary: Self { Self(streamsRequests: false, streamsReplies: false) }

    /// One message in, many out.
    public static var serverStream: Self { Self(streamsRequests: false, streamsReplies: true) }

    /// Many messages in, one out.
    public static var clientStream: Self { Self(streamsRequests: true, streamsReplies: false) }

    /// Many messages each way.
    public static var bidirectional: Self { Self(streamsRequests: true, streamsReplies: true) }

    /// Whether either side is a stream.
    public var isStream: Bool { streamsRequests || streamsReplies }
}
