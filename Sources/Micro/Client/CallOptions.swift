public import MicroCore

/// How one call is made, where it should differ from the client's configuration.
///
/// ```swift
/// try await client.call("greeter", "Greeter.Hello", request, returning: HelloReply.self,
///                       options: CallOptions(timeout: .seconds(1), retry: .idempotent))
/// ```
public struct CallOptions: Sendable {
    /// How long the call may take, with all attempts.
    ///
    /// The default is the client's, which is 5 s; a stream has no limit unless one is given.
    public var timeout: Duration?

    /// The moment at which the call ends at the latest; the earlier of this and the timeout counts.
    public var deadline: ContinuousClock.Instant?

    /// The metadata to send along.
    public var metadata: Metadata

    /// Which failed attempts are made again.
    public var retry: RetryPolicy

    /// How many further attempts are made at most; the client's number if `nil`.
    ///
    /// An attempt that no node has seen, since it could not be connected to or refused the call, does not count
    /// while there are nodes that were not tried.
    public var retries: Int?

    /// An address to call, `host:port`, in place of a node of the registry.
    public var address: String?

    /// How the messages are encoded; the first that a linked codec offers for the types if `nil`.
    public var contentSubtype: String?

    /// How the requests are compressed; as the client's configuration says if `nil`.
    ///
    /// A service that doesn't understand it answers with `unimplemented`. Answers come compressed or not as
    /// the service likes.
    public var compression: Compression?

    /// Creates options.
    ///
    /// - Parameters:
    ///   - timeout: How long the call may take, with all attempts.
    ///   - deadline: The moment at which the call ends at the latest.
    ///   - metadata: The metadata to send along.
    ///   - retry: Which failed attempts are made again.
    ///   - retries: How many further attempts are made at most.
    ///   - address: An address to call in place of a node of the registry.
    ///   - contentSubtype: How the messages are encoded.
    ///   - compression: How the requests are compressed.
    public init(
        timeout: Duration? = nil, deadline: ContinuousClock.Instant? = nil, metadata: Metadata = [:],
        retry: RetryPolicy = .unprocessed, retries: Int? = nil, address: String? = nil,
        contentSubtype: String? = nil, compression: Compression? = nil
    ) {
        self.timeout = timeout
        self.deadline = deadline
        self.metadata = metadata
        self.retry = retry
        self.retries = retries
        self.address = address
        self.contentSubtype = contentSubtype
        self.compression = compression
    }

    /// Options that call an address in place of a node of the registry.
    ///
    /// - Parameter address: The address, `host:port`.
    /// - Returns: The options.
    public static func address(_ address: String) -> Self { Self(address: address) }

    /// Options with metadata to send along.
    ///
    /// - Parameter metadata: The fields.
    /// - Returns: The options.
    public static func metadata(_ metadata: Metadata) -> Self { Self(metadata: metadata) }

    /// Options with a limit of time.
    ///
    /// - Parameter timeout: How long the call may take, with all attempts.
    /// - Returns: The options.
    public static func timeout(_ timeout: Duration) -> Self { Self(timeout: timeout) }
}

/// Which failed attempts of a call are made again, within its deadline and the number of retries.
public struct RetryPolicy: Hashable, Sendable {
    private enum Kind { case never, unprocessed, idempotent, goMicro }

    private let kind: Kind

    /// None.
    public static var never: Self { Self(kind: .never) }

    /// Those that the peer has surely not seen; the default.
    public static var unprocessed: Self { Self(kind: .unprocessed) }

    /// Those too that may have been processed before the peer became unavailable.
    ///
    /// It is for calls that may have their effect twice.
    public static var idempotent: Self { Self(kind: .idempotent) }

    /// Those with code 408 or 500 too, as go-micro's clients do.
    ///
    /// It is for calls that may have their effect twice.
    public static var goMicro: Self { Self(kind: .goMicro) }

    /// Returns whether an attempt with an error is made again.
    func allows(_ error: MicroError) -> Bool {
        if kind == .never { return false }
        if error.processed == .no { return true }
        return switch kind {
        case .idempotent: error.status == .unavailable
        case .goMicro: error.httpCode == 408 || error.httpCode == 500
        default: false
        }
    }
}

/// How long to wait before an attempt.
enum Backoff {
    /// Tenths of a second before an attempt: its number to the power of e, as in go-micro.
    private static let tenths = [0, 1, 6, 19, 43, 79, 130, 198, 285, 392, 522, 677, 858, 1066]

    /// The longest pause: 2 minutes, in tenths of a second.
    private static let longest = 1200

    /// Returns the pause before an attempt: none before the first, then 100 ms, 600 ms, 1.9 s and so on,
    /// each up to a quarter more or less.
    static func pause(before attempt: Int) -> Duration {
        let tenths = tenths.indices.contains(attempt) ? tenths[attempt] : longest
        return .milliseconds(Int64(Double(tenths) * 100 * Double.random(in: 0.75...1.25)))
    }
}
