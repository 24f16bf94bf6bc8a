public import MicroCore

/// What is known of an endpoint before any call of it arrives.
public final class EndpointInfo: Sendable {
    /// The canonical name, `Type.Method`, whatever path a caller used.
    ///
    /// Of two endpoints with the same type and method in different packages, it begins with the
    /// package.
    public let name: String

    /// Whether requests and replies are single messages or streams.
    public let shape: CallShape

    /// The service that has the endpoint.
    public let service: ServiceIdentity

    /// How replies are compressed, for callers that understand it and unless a handler chooses otherwise.
    public let compression: Compression

    let environment: ServiceEnvironment

    init(name: String, shape: CallShape, environment: ServiceEnvironment, compression: Compression? = nil) {
        self.name = name
        self.shape = shape
        self.service = environment.identity
        self.environment = environment
        self.compression = compression ?? environment.compression
    }
}

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
