/// Everything that a call says before its first message.
///
/// A client fills one in to make a call, and a server's ``CallHandler`` gets one for each call that
/// arrives. It is the same on every transport.
public struct CallHead: Sendable {
    /// The fields, shared by the copies of a head until one of them is changed: a head is handed on several
    /// times on the hot path.
    private var fields: Fields

    /// What is called, as `/service.Type/Method`; ``CallPath`` takes it apart.
    public var path: String {
        get { fields.path }
        set { change { $0.path = newValue } }
    }

    /// How the messages are encoded: `proto`, `json`, or another name that a codec offers.
    public var contentSubtype: String {
        get { fields.contentSubtype }
        set { change { $0.contentSubtype = newValue } }
    }

    /// The metadata that the caller sent along, without the fields that the protocol reserves.
    public var metadata: Metadata {
        get { fields.metadata }
        set { change { $0.metadata = newValue } }
    }

    /// The moment after which nobody waits for the answer any more.
    public var deadline: ContinuousClock.Instant? {
        get { fields.deadline?.instant }
        set { change { $0.deadline = newValue.map(Uptime.init) } }
    }

    /// The deadline, on the clock that transports use.
    package var uptimeDeadline: Uptime? {
        get { fields.deadline }
        set { change { $0.deadline = newValue } }
    }

    /// How the client compresses its messages, where the transport can.
    public var compression: Compression {
        get { fields.compression }
        set { change { $0.compression = newValue } }
    }

    /// How the answer may be compressed; a transport that compresses fills it in.
    package var acceptedCompression: CompressionSet { fields.acceptedCompression }

    /// The other side of the connection; `nil` for a call that is yet to be made.
    public var peer: Peer? {
        get { fields.peer }
        set { change { $0.peer = newValue } }
    }

    /// Creates a head.
    ///
    /// - Parameters:
    ///   - path: What is called, as `/service.Type/Method`.
    ///   - contentSubtype: How the messages are encoded.
    ///   - metadata: The metadata to send along.
    ///   - deadline: When the call ends at the latest.
    ///   - peer: The other side of the connection.
    ///   - compression: How the client compresses its messages.
    public init(
        path: String,
        contentSubtype: String = "proto",
        metadata: Metadata = Metadata(),
        deadline: ContinuousClock.Instant? = nil,
        peer: Peer? = nil,
        compression: Compression = .identity
    ) {
        self.init(
            path: path, contentSubtype: contentSubtype, metadata: metadata,
            uptimeDeadline: deadline.map(Uptime.init), peer: peer, compression: compression)
    }

    /// Creates a head with a deadline on the clock that transports use.
    package init(
        path: String, contentSubtype: String, metadata: Metadata, uptimeDeadline: Uptime?, peer: Peer?,
        compression: Compression = .identity, acceptedCompression: CompressionSet = CompressionSet()
    ) {
        fields = Fields(
            path, contentSubtype, metadata, uptimeDeadline, peer, compression, acceptedCompression)
    }

    private mutating func change(_ body: (inout Fields.Values) -> Void) {
        var values = fields.values
        body(&values)
        fields = Fields(
            values.path, values.contentSubtype, values.metadata, values.deadline, values.peer,
            values.compression, fields.acceptedCompression)
    }

    private final class Fields: Sendable {
        typealias Values = (
            path: String, contentSubtype: String, metadata: Metadata, deadline: Uptime?, peer: Peer?,
            compression: Compression
        )

        let path: String
        let contentSubtype: String
        let metadata: Metadata
        let deadline: Uptime?
        let peer: Peer?
        let compression: Compression
        let acceptedCompression: CompressionSet

        init(
            _ path: String, _ contentSubtype: String, _ metadata: Metadata, _ deadline: Uptime?,
            _ peer: Peer?, _ compression: Compression, _ acceptedCompression: CompressionSet
        ) {
            self.path = path
            self.contentSubtype = contentSubtype
            self.metadata = metadata
            self.deadline = deadline
            self.peer = peer
            self.compression = compression
            self.acceptedCompression = acceptedCompression
        }

        var values: Values { (path, contentSubtype, metadata, deadline, peer, compression) }
    }
}
