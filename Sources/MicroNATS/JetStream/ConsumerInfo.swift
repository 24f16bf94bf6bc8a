/// What is known of a consumer.
public struct ConsumerInfo: Hashable, Sendable, Decodable {
    /// Where it began, as the server writes it.
    struct Beginning: Hashable, Sendable {
        var policy: String
        var sequence: UInt64?
        var time: String?
    }

    /// The stream.
    public var stream: String

    /// The name.
    public var name: String

    /// The subjects whose messages it hands out; empty for all of the stream.
    public var filterSubjects: [String]

    /// How many messages wait for their acknowledgement.
    public var pendingAcknowledgements: Int

    /// How many messages have not been handed out yet.
    public var pending: UInt64

    /// The number in the stream up to which everything was acknowledged.
    public var acknowledgedSequence: UInt64

    let beginning: Beginning?

    private enum CodingKeys: String, CodingKey {
        case name, config
        case stream = "stream_name"
        case pendingAcknowledgements = "num_ack_pending"
        case pending = "num_pending"
        case acknowledged = "ack_floor"
    }

    private struct Acknowledged: Decodable {
        let sequence: UInt64

        private enum CodingKeys: String, CodingKey { case sequence = "stream_seq" }
    }

    private struct Config: Decodable {
        let policy: String?
        let startSequence: UInt64?
        let startTime: String?
        let filterSubject: String?
        let filterSubjects: [String]?

        private enum CodingKeys: String, CodingKey {
            case policy = "deliver_policy"
            case startSequence = "opt_start_seq"
            case startTime = "opt_start_time"
            case filterSubject = "filter_subject"
            case filterSubjects = "filter_subjects"
        }
    }

    /// Reads the server's JSON.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        stream = try values.decode(String.self, forKey: .stream)
        name = try values.decode(String.self, forKey: .name)
        pendingAcknowledgements = try values.decode(Int.self, forKey: .pendingAcknowledgements)
        pending = try values.decode(UInt64.self, forKey: .pending)
        acknowledgedSequence =
            try values.decodeIfPresent(Acknowledged.self, forKey: .acknowledged)?.sequence ?? 0
        let config = try values.decodeIfPresent(Config.self, forKey: .config)
        let filter = config?.filterSubject ?? ""
        filterSubjects = filter.isEmpty ? config?.filterSubjects ?? [] : [filter]
        beginning = config?.policy.map {
            Beginning(policy: $0, sequence: config?.startSequence, time: config?.startTime)
        }
    }
}
