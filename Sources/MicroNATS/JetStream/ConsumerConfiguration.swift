internal import MicroCore

/// How a consumer hands out a stream's messages, each until it is acknowledged.
public struct ConsumerConfiguration: Hashable, Sendable {
    /// Where a new consumer begins.
    public struct Start: Hashable, Sendable {
        enum Kind: Hashable { case all, new, sequence(UInt64) }

        let kind: Kind

        /// With the first message that the stream holds.
        public static var all: Self { Self(kind: .all) }

        /// With the first message that comes after the consumer is made.
        public static var new: Self { Self(kind: .new) }

        /// Returns a beginning with a given message.
        ///
        /// - Parameter number: The message's number in the stream.
        /// - Returns: The beginning.
        public static func sequence(_ number: UInt64) -> Self { Self(kind: .sequence(number)) }
    }

    /// The name, under which the server remembers what was acknowledged.
    public var durableName: String

    /// The subject whose messages it hands out; `nil` for all of the stream.
    public var filterSubject: String?

    /// Where it begins when it is new.
    public var start: Start

    /// How long it waits for an acknowledgement before it hands a message out again.
    public var ackWait: Duration

    /// How often it hands a message out at most; `nil` for no limit.
    public var maximumDeliveries: Int?

    /// How many messages may wait for their acknowledgement.
    public var maximumPending: Int

    /// After how long without a reader it is removed; `nil` for never.
    public var inactiveThreshold: Duration?

    /// Creates a configuration of a pull consumer with explicit acknowledgement.
    ///
    /// - Parameters:
    ///   - durableName: The name.
    ///   - filterSubject: The subject whose messages it hands out.
    ///   - start: Where it begins when it is new.
    public init(durableName: String, filterSubject: String? = nil, start: Start = .all) {
        self.durableName = durableName
        self.filterSubject = filterSubject
        self.start = start
        ackWait = .seconds(30)
        maximumPending = 1000
    }
}

/// The JSON of the request that makes a consumer.
struct ConsumerRequest: Encodable {
    /// What may become of a consumer that is there.
    enum Action: String, Encodable {
        /// It must be what is asked for; servers before 2.10 change it all the same.
        case create

        /// It is changed; it must be there, for servers from 2.10 on.
        case update
    }

    let stream: String
    let action: Action
    private(set) var config: Config

    struct Config: Encodable {
        var durableName: String
        var deliverPolicy: String
        var startSequence: UInt64?
        var startTime: String?
        var ackPolicy = "explicit"
        var ackWait: Int64
        var maximumDeliveries: Int?
        var filterSubject: String?
        var replayPolicy = "instant"
        var maximumPending: Int
        var inactiveThreshold: Int64?

        private enum CodingKeys: String, CodingKey {
            case durableName = "durable_name"
            case deliverPolicy = "deliver_policy"
            case startSequence = "opt_start_seq"
            case startTime = "opt_start_time"
            case ackPolicy = "ack_policy"
            case ackWait = "ack_wait"
            case maximumDeliveries = "max_deliver"
            case filterSubject = "filter_subject"
            case replayPolicy = "replay_policy"
            case maximumPending = "max_ack_pending"
            case inactiveThreshold = "inactive_threshold"
        }
    }

    private enum CodingKeys: String, CodingKey {
        case stream = "stream_name"
        case action, config
    }

    /// Creates a request.
    ///
    /// - Parameters:
    ///   - configuration: The consumer.
    ///   - stream: The stream.
    ///   - existing: The consumer that is there, whose beginning can't be changed.
    init(_ configuration: ConsumerConfiguration, stream: String, existing: ConsumerInfo? = nil) {
        self.stream = stream
        action = existing == nil ? .create : .update
        var policy = "all"
        var sequence: UInt64?
        switch configuration.start.kind {
        case .all: break
        case .new: policy = "new"
        case .sequence(let number):
            policy = "by_start_sequence"
            sequence = number
        }
        config = Config(
            durableName: configuration.durableName, deliverPolicy: policy, startSequence: sequence,
            ackWait: configuration.ackWait.nanosecondsClamped,
            maximumDeliveries: configuration.maximumDeliveries,
            filterSubject: configuration.filterSubject, maximumPending: configuration.maximumPending,
            inactiveThreshold: configuration.inactiveThreshold?.nanosecondsClamped)
        guard let beginning = existing?.beginning else { return }
        config.deliverPolicy = beginning.policy
        config.startSequence = beginning.sequence
        config.startTime = beginning.time
    }
}
