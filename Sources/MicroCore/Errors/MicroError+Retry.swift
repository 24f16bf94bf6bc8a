/// What a server says of another attempt.
extension MicroError {
    /// What a server asks of a client whose attempt it has answered with an error.
    public enum RetryPushback: Hashable, Sendable {
        /// Another attempt should come after this time, and not before.
        case after(Duration)

        /// There should be no other attempt.
        case never
    }

    private static let pushbackField = "grpc-retry-pushback-ms"
    private static let unprocessedField = "micro-unprocessed"

    /// The longest time for which a server is obeyed; more is as good as never, and arithmetic stays within bounds.
    private static let longestPushback = Int64(86_400_000)

    /// When the server wants another attempt; `nil` if it says nothing of it.
    ///
    /// It travels in the trailing metadata as gRPC has it (gRFC A6, "Pushback"): milliseconds, or a negative number
    /// for never, for which anything counts that is no number.
    public var retryPushback: RetryPushback? {
        get {
            guard !trailingMetadata.isEmpty, let text = trailingMetadata[Self.pushbackField] else {
                return nil
            }
            guard let number = Int64(text), number >= 0 else { return .never }
            return .after(.milliseconds(min(number, Self.longestPushback)))
        }
        set {
            switch newValue {
            case .after(let delay):
                let milliseconds = min(max(delay / .milliseconds(1), 0), Double(Self.longestPushback))
                trailingMetadata[Self.pushbackField] = String(Int64(milliseconds.rounded(.up)))
            case .never: trailingMetadata[Self.pushbackField] = "-1"
            case nil: trailingMetadata[Self.pushbackField] = nil
            }
        }
    }

    /// Whether the server says that no handler has seen the call, so that it can be made again elsewhere.
    ///
    /// It is for refusals before a handler starts; what a handler throws never has it, also where it passes on another
    /// server's refusal. It travels in the trailing metadata, and gRPC's own clients ignore it.
    package var isRefusal: Bool {
        get { !trailingMetadata.isEmpty && trailingMetadata[Self.unprocessedField] == "true" }
        set { trailingMetadata[Self.unprocessedField] = newValue ? "true" : nil }
    }
}
