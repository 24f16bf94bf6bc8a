/// How a stream keeps the messages of its subjects.
public struct StreamConfiguration: Hashable, Sendable, Codable {
    /// Where a stream keeps its messages.
    public enum Storage: String, Hashable, Sendable, Codable {
        /// In files, which outlive the server.
        case file

        /// In memory, which doesn't.
        case memory
    }

    /// The name, without dots, spaces and wildcards.
    public var name: String

    /// The subjects whose messages it keeps, perhaps with wildcards.
    public var subjects: [String]?

    /// Where it keeps them.
    public var storage: Storage

    /// On how many servers of a cluster.
    public var replicas: Int

    /// For how long, in nanoseconds; 0 forever.
    public var maximumAge: Int64?

    /// How many bytes at most; -1 for no limit.
    public var maximumBytes: Int64?

    /// How many messages at most; -1 for no limit.
    public var maximumMessages: Int64?

    /// For how long the ids of messages are remembered, in nanoseconds, to drop those sent twice.
    public var duplicateWindow: Int64?

    private enum CodingKeys: String, CodingKey {
        case name, subjects, storage
        case replicas = "num_replicas"
        case maximumAge = "max_age"
        case maximumBytes = "max_bytes"
        case maximumMessages = "max_msgs"
        case duplicateWindow = "duplicate_window"
    }

    /// Creates a configuration.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - subjects: The subjects whose messages it keeps.
    ///   - storage: Where it keeps them.
    ///   - replicas: On how many servers of a cluster.
    public init(name: String, subjects: [String], storage: Storage = .file, replicas: Int = 1) {
        self.name = name
        self.subjects = subjects
        self.storage = storage
        self.replicas = replicas
    }
}

/// What is known of a stream.
public struct StreamInfo: Hashable, Sendable, Decodable {
    /// How much a stream holds.
    public struct State: Hashable, Sendable, Decodable {
        /// How many messages.
        public var messages: UInt64

        /// How many bytes.
        public var bytes: UInt64

        /// The number of the first message.
        public var firstSequence: UInt64

        /// The number of the last message.
        public var lastSequence: UInt64

        private enum CodingKeys: String, CodingKey {
            case messages, bytes
            case firstSequence = "first_seq"
            case lastSequence = "last_seq"
        }
    }

    /// How it keeps its messages.
    public var config: StreamConfiguration

    /// How much it holds.
    public var state: State

    /// When it was made, as the server writes it: a later stream of the same name has another moment.
    public var created: String
}
