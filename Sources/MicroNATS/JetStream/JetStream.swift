internal import FoundationEssentials
internal import MicroCore
internal import MicroPluginKit
public import NIOCore

/// The streams of a server: messages that are kept, and handed out until they are acknowledged.
///
/// ```swift
/// let jetStream = JetStream(client)
/// try await jetStream.ensureStream(.init(name: "ORDERS", subjects: ["orders.*"]))
/// let ack = try await jetStream.publish(ByteBuffer(string: "…"), to: "orders.new", messageID: "order-17")
/// ```
public struct JetStream: Sendable {
    /// What a stream says of a message that it has stored.
    public struct PublishAck: Hashable, Sendable, Decodable {
        /// The stream.
        public var stream: String

        /// The number of the message.
        public var sequence: UInt64

        /// Whether the stream had a message of the same id already.
        public var isDuplicate: Bool { duplicate ?? false }

        private var duplicate: Bool?

        private enum CodingKeys: String, CodingKey {
            case stream, duplicate
            case sequence = "seq"
        }
    }

    /// The client.
    public let client: NATSClient

    /// The first tokens of the API's subjects.
    public let apiPrefix: String

    /// How long an answer may take.
    public let timeout: Duration

    /// The clock on which pauses, and the time for publishing, pass.
    package let clock: any Clock<Duration>

    /// Creates a view of a server's streams.
    ///
    /// - Parameters:
    ///   - client: The client.
    ///   - domain: The JetStream domain; `nil` for the server's own.
    ///   - timeout: How long an answer may take.
    ///   - clock: The clock on which pauses, and the time for publishing, pass.
    public init(
        _ client: NATSClient, domain: String? = nil, timeout: Duration = .seconds(5),
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.client = client
        self.apiPrefix = domain.map { "$JS.\($0).API" } ?? "$JS.API"
        self.timeout = timeout
        self.clock = clock
    }

    // MARK: - Publish

    /// Publishes a message and waits until a stream has stored it.
    ///
    /// With an id it is safe to try again, and that is done until the time is up, over reconnects and a
    /// server's restart: a stream drops a message whose id it has seen within its duplicate window.
    ///
    /// - Parameters:
    ///   - payload: The payload.
    ///   - subject: The subject, which a stream must hold.
    ///   - headers: Headers.
    ///   - messageID: What tells the message from all others; a random one if `nil`.
    ///   - limit: How long to try.
    /// - Returns: Which stream has stored it, and under which number.
    /// - Throws: A ``NATSError``: `noResponders` if no stream holds the subject, `jetStream` if the stream
    ///   refuses, or `timeout` after which it isn't known whether it was stored.
    @discardableResult
    public func publish(
        _ payload: ByteBuffer, to subject: String, headers: NATSHeaders = NATSHeaders(),
        messageID: String? = nil, within limit: Duration = .seconds(30)
    ) async throws(NATSError) -> PublishAck {
        var headers = headers
        if let messageID { headers["Nats-Msg-Id"] = messageID }
        if headers["Nats-Msg-Id"] == nil { headers["Nats-Msg-Id"] = NATSCore.uniqueToken() }
        let stopwatch = Stopwatch(clock)
        var silence = 0
        while true {
            let error: NATSError
            do throws(NATSError) {
                let left = min(limit - stopwatch.elapsed, timeout)
                let reply = try await client.request(
                    payload, to: subject, headers: headers, timeout: max(left, .milliseconds(1)))
                return try Self.decode(PublishAck.self, reply)
            } catch let failure {
                error = failure
            }
            // A stream that is being recovered doesn't listen for a moment.
            if error.code == .noResponders { silence += 1 }
            guard Self.mayTryAgain(error, silence), stopwatch.elapsed < limit else { throw error }
            do {
                try await clock.sleep(for: .milliseconds(100))
            } catch {
                throw NATSError.cancelled
            }
        }
    }

    private static func mayTryAgain(_ error: NATSError, _ silence: Int) -> Bool {
        switch error.code {
        case .timeout, .connectionLost, .bufferFull: true
        case .noResponders: silence < 10
        // 503: the cluster has no leader at the moment.
        case .jetStream: error.apiCode == 10008 || error.apiCode == 10077
        default: false
        }
    }

    // MARK: - Streams

    /// Makes a stream, or does nothing if there is one of the same configuration.
    ///
    /// - Parameter configuration: The stream.
    /// - Returns: What is known of it.
    /// - Throws: A ``NATSError``.
    @discardableResult
    public func createStream(_ configuration: StreamConfiguration) async throws(NATSError) -> StreamInfo {
        try await call("STREAM.CREATE.\(try Self.checked(configuration.name))", configuration)
    }

    /// Changes a stream.
    ///
    /// - Parameter configuration: The stream as it shall be.
    /// - Returns: What is known of it.
    /// - Throws: A ``NATSError``.
    @discardableResult
    public func updateStream(_ configuration: StreamConfiguration) async throws(NATSError) -> StreamInfo {
        try await call("STREAM.UPDATE.\(try Self.checked(configuration.name))", configuration)
    }

    /// Sees to it that there is a stream that keeps some subjects, and leaves everything else of one that
    /// is there as it is.
    ///
    /// - Parameter configuration: The stream; only name and subjects matter if it is there.
    /// - Returns: What is known of it.
    /// - Throws: A ``NATSError``.
    @discardableResult
    public func ensureStream(_ configuration: StreamConfiguration) async throws(NATSError) -> StreamInfo {
        guard let info = try await stream(configuration.name) else {
            return try await createStream(configuration)
        }
        let missing = (configuration.subjects ?? []).filter { wanted in
            !(info.config.subjects ?? []).contains { NATSSubject.covers($0, wanted) }
        }
        guard !missing.isEmpty else { return info }
        throw NATSError(
            .jetStream,
            "The stream \(configuration.name) is there and doesn't hold \(missing.joined(separator: ", ")). Add it to "
                + "its subjects, or use another stream.")
    }

    /// Returns what is known of a stream.
    ///
    /// - Parameter name: Its name.
    /// - Returns: What is known of it; `nil` if it isn't there.
    /// - Throws: A ``NATSError``.
    public func stream(_ name: String) async throws(NATSError) -> StreamInfo? {
        do throws(NATSError) {
            return try await call("STREAM.INFO.\(try Self.checked(name))", None())
        } catch {
            guard error.apiCode == 10059 else { throw error }
            return nil
        }
    }

    /// Returns the names of the streams that hold a subject.
    ///
    /// - Parameter subject: The subject.
    /// - Returns: The names.
    /// - Throws: A ``NATSError``.
    public func streams(holding subject: String) async throws(NATSError) -> [String] {
        let names: StreamNames = try await call("STREAM.NAMES", StreamNamesRequest(subject: subject))
        return names.streams ?? []
    }

    /// Removes a stream with all it holds.
    ///
    /// - Parameter name: Its name.
    /// - Throws: A ``NATSError``.
    public func deleteStream(_ name: String) async throws(NATSError) {
        let _: None = try await call("STREAM.DELETE.\(try Self.checked(name))", None())
    }
}

// MARK: - The API

extension JetStream {
    struct None: Codable {}

    private struct StreamNamesRequest: Encodable {
        let subject: String
    }

    private struct StreamNames: Decodable {
        let streams: [String]?
    }

    private struct Failure: Decodable {
        struct Details: Decodable {
            let code: Int?
            let errorCode: Int?
            let description: String?

            private enum CodingKeys: String, CodingKey {
                case code, description
                case errorCode = "err_code"
            }
        }

        let error: Details?
    }

    func call<Answer: Decodable>(_ name: String, _ request: some Encodable) async throws(NATSError)
        -> Answer
    {
        let body: ByteBuffer
        do {
            body = ByteBuffer(bytes: try JSONEncoder().encode(request))
        } catch {
            throw NATSError(.jetStream, "The request to JetStream can't be written: \(error)")
        }
        do throws(NATSError) {
            let reply = try await client.request(body, to: "\(apiPrefix).\(name)", timeout: timeout)
            return try Self.decode(Answer.self, reply)
        } catch {
            guard error.code == .noResponders else { throw error }
            throw NATSError(
                .noResponders,
                "The NATS server has no JetStream, or it isn't ready. Start it with -js, or turn JetStream off."
            )
        }
    }

    /// The largest answer that is read, in bytes: a page of 1,024 stream names has a quarter of it.
    private static let maximumAnswerSize = 1 << 20

    private static func decode<Answer: Decodable>(_ type: Answer.Type, _ reply: NATSMessage) throws(NATSError)
        -> Answer
    {
        guard reply.payload.readableBytes <= maximumAnswerSize else {
            throw NATSError(
                .jetStream,
                "JetStream's answer has \(reply.payload.readableBytes) bytes; at most \(maximumAnswerSize) are read."
            )
        }
        let data = Data(reply.payload.readableBytesView)
        let details: Failure.Details?
        let answer: Result<Answer, any Error>
        details = (try? JSONDecoder().decode(Failure.self, from: data))?.error
        if let details {
            throw NATSError(
                .jetStream, "JetStream refuses: \(details.description?.printable() ?? "without a reason").",
                apiCode: details.errorCode ?? details.code)
        }
        answer = Result { try JSONDecoder().decode(type, from: data) }
        switch answer {
        case .success(let value): return value
        case .failure(let error):
            throw NATSError(
                .jetStream, "JetStream's answer can't be read: \("\(error)".printable())")
        }
    }

    /// Checks a name that becomes a token of a subject.
    static func checked(_ name: String) throws(NATSError) -> String {
        guard NATSSubject.isToken(name) else {
            throw NATSError(
                .invalidSubject,
                "\(name.debugDescription) can't name a stream or consumer: dots, spaces, wildcards and slashes "
                    + "can't be in it, and it has at most 255 bytes.")
        }
        return name
    }
}
