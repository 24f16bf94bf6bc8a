/// A DNS message (RFC 1035, 4.1).
public struct DNSMessage: Hashable, Sendable {
    /// The number that ties an answer to its question; 0 in most of mDNS.
    public var id: UInt16

    /// The flags, as they lie on the wire.
    public var flags: Flags

    /// The questions.
    public var questions: [DNSQuestion]

    /// The answers.
    public var answers: [DNSRecord]

    /// The authority section, in which a probe of mDNS has what it wants to claim.
    public var authorities: [DNSRecord]

    /// The additional section.
    public var additionals: [DNSRecord]

    /// Creates a message.
    ///
    /// - Parameters:
    ///   - id: The number that ties an answer to its question.
    ///   - flags: The flags.
    ///   - questions: The questions.
    ///   - answers: The answers.
    ///   - authorities: The authority section.
    ///   - additionals: The additional section.
    public init(
        id: UInt16 = 0, flags: Flags = [], questions: [DNSQuestion] = [], answers: [DNSRecord] = [],
        authorities: [DNSRecord] = [], additionals: [DNSRecord] = []
    ) {
        self.id = id
        self.flags = flags
        self.questions = questions
        self.answers = answers
        self.authorities = authorities
        self.additionals = additionals
    }

    /// The flags of a message.
    public struct Flags: OptionSet, Hashable, Sendable {
        /// The two bytes.
        public let rawValue: UInt16

        /// Takes the two bytes.
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        /// The message is a response.
        public static let response = Flags(rawValue: 0x8000)

        /// The sender is the authority for the names.
        public static let authoritative = Flags(rawValue: 0x0400)

        /// The answer doesn't fit in a packet, and was cut.
        public static let truncated = Flags(rawValue: 0x0200)

        /// The server shall ask others for what it doesn't know.
        public static let recursionDesired = Flags(rawValue: 0x0100)

        /// Everything that isn't a plain query or answer: an operation code or an error code.
        public static let unusual = Flags(rawValue: 0x780F)
    }
}

/// A question of a DNS message.
public struct DNSQuestion: Hashable, Sendable {
    /// The name asked for.
    public var name: DNSName

    /// The type asked for.
    public var type: DNSType

    /// The class, whose top bit asks for a unicast answer in mDNS (RFC 6762, 5.4).
    public var classCode: UInt16

    /// Creates a question.
    ///
    /// - Parameters:
    ///   - name: The name asked for.
    ///   - type: The type asked for.
    ///   - classCode: The class.
    public init(name: DNSName, type: DNSType, classCode: UInt16 = DNSRecord.internet) {
        self.name = name
        self.type = type
        self.classCode = classCode
    }

    /// Whether the question asks for a unicast answer.
    public var wantsUnicast: Bool { classCode & 0x8000 != 0 }

    /// Whether the class is the internet's, or any.
    public var isInternet: Bool { [DNSRecord.internet, 255].contains(classCode & 0x7FFF) }
}

/// A type of records.
public struct DNSType: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: UInt16

    /// Takes the number on the wire.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// An IPv4 address.
    public static let a = DNSType(rawValue: 1)
    /// The name that a name is an alias of.
    public static let cname = DNSType(rawValue: 5)
    /// What a zone's servers say about it.
    public static let soa = DNSType(rawValue: 6)
    /// A name for another one.
    public static let ptr = DNSType(rawValue: 12)
    /// Text.
    public static let txt = DNSType(rawValue: 16)
    /// An IPv6 address.
    public static let aaaa = DNSType(rawValue: 28)
    /// Where a service is.
    public static let srv = DNSType(rawValue: 33)
    /// No record of a zone, but what a message says of its sender (EDNS; RFC 6891).
    public static let opt = DNSType(rawValue: 41)
    /// All types, in a question.
    public static let any = DNSType(rawValue: 255)
}

/// A record of a DNS message.
public struct DNSRecord: Hashable, Sendable {
    /// The class of the internet.
    public static let internet: UInt16 = 1

    /// The name that the record is about.
    public var name: DNSName

    /// The class; in mDNS its top bit tells caches to drop what they had (RFC 6762, 10.2).
    public var classCode: UInt16

    /// How long the record may be kept, in seconds; 0 takes it back in mDNS.
    public var timeToLive: UInt32

    /// The data.
    public var data: Data

    /// The data of the types that are read here.
    public enum Data: Hashable, Sendable {
        /// Another name (PTR).
        case pointer(DNSName)

        /// Where a service is (SRV; RFC 2782).
        case server(priority: UInt16, weight: UInt16, port: UInt16, target: DNSName)

        /// An address (A, AAAA).
        case address(IPAddress)

        /// Strings of up to 255 bytes (TXT).
        case text([[UInt8]])

        /// The name that the record's own is an alias of (CNAME).
        case alias(DNSName)

        /// What a zone's servers say about it (SOA).
        case authority(DNSAuthority)

        /// Options of the message, as they lie on the wire (OPT); the class is the longest packet that its sender
        /// takes.
        case options([UInt8])
    }

    /// Creates a record.
    ///
    /// - Parameters:
    ///   - name: The name that the record is about.
    ///   - classCode: The class.
    ///   - timeToLive: How long the record may be kept, in seconds.
    ///   - data: The data.
    public init(name: DNSName, classCode: UInt16 = Self.internet, timeToLive: UInt32, data: Data) {
        self.name = name
        self.classCode = classCode
        self.timeToLive = timeToLive
        self.data = data
    }

    /// The type.
    public var type: DNSType {
        switch data {
        case .pointer: .ptr
        case .server: .srv
        case .address(let address): address.isIPv4 ? .a : .aaaa
        case .text: .txt
        case .alias: .cname
        case .authority: .soa
        case .options: .opt
        }
    }
}

/// What a zone's servers say about it (RFC 1035, 3.3.13).
public struct DNSAuthority: Hashable, Sendable {
    /// The server where the zone is changed.
    public var primary: DNSName

    /// The mail address of who is responsible, with a dot for the `@`.
    public var mailbox: DNSName

    /// The number of the zone's version.
    public var serial: UInt32

    /// After how many seconds the other servers look for a new version.
    public var refresh: UInt32

    /// After how many seconds they try again.
    public var retry: UInt32

    /// After how many seconds they give the zone up.
    public var expire: UInt32

    /// For how many seconds it holds that there is no such name (RFC 2308, 4).
    public var minimum: UInt32

    /// Creates what a zone's servers say.
    ///
    /// - Parameters:
    ///   - primary: The server where the zone is changed.
    ///   - mailbox: The mail address of who is responsible.
    ///   - serial: The number of the zone's version.
    ///   - refresh: After how many seconds the other servers look for a new version.
    ///   - retry: After how many seconds they try again.
    ///   - expire: After how many seconds they give the zone up.
    ///   - minimum: For how many seconds it holds that there is no such name.
    public init(
        primary: DNSName, mailbox: DNSName, serial: UInt32, refresh: UInt32, retry: UInt32, expire: UInt32,
        minimum: UInt32
    ) {
        self.primary = primary
        self.mailbox = mailbox
        self.serial = serial
        self.refresh = refresh
        self.retry = retry
        self.expire = expire
        self.minimum = minimum
    }
}
