/// A DNS message, as far as mDNS needs it (RFC 1035, 4.1).
struct DNSMessage: Hashable, Sendable {
    /// The number that ties an answer to its question; 0 in most of mDNS.
    var id: UInt16 = 0

    /// The flags, as they lie on the wire.
    var flags: Flags = []

    /// The questions.
    var questions: [DNSQuestion] = []

    /// The answers.
    var answers: [DNSRecord] = []

    /// The authority section, in which a probe has what it wants to claim.
    var authorities: [DNSRecord] = []

    /// The additional section.
    var additionals: [DNSRecord] = []

    /// The flags of a message.
    struct Flags: OptionSet, Hashable, Sendable {
        let rawValue: UInt16

        /// The message is a response.
        static let response = Flags(rawValue: 0x8000)

        /// The sender is the authority for the names.
        static let authoritative = Flags(rawValue: 0x0400)

        /// Everything that isn't a plain query or answer: an operation code or an error code.
        static let unusual = Flags(rawValue: 0x780F)
    }
}

/// A question of a DNS message.
struct DNSQuestion: Hashable, Sendable {
    /// The name asked for.
    var name: DNSName

    /// The type asked for.
    var type: DNSType

    /// The class, whose top bit asks for a unicast answer (RFC 6762, 5.4).
    var classCode: UInt16 = DNSRecord.internet

    /// Whether the question asks for a unicast answer.
    var wantsUnicast: Bool { classCode & 0x8000 != 0 }

    /// Whether the class is the internet's, or any.
    var isInternet: Bool { [DNSRecord.internet, 255].contains(classCode & 0x7FFF) }
}

/// A type of records.
struct DNSType: RawRepresentable, Hashable, Sendable {
    let rawValue: UInt16

    /// An IPv4 address.
    static let a = DNSType(rawValue: 1)
    /// A name for another one.
    static let ptr = DNSType(rawValue: 12)
    /// Text.
    static let txt = DNSType(rawValue: 16)
    /// An IPv6 address.
    static let aaaa = DNSType(rawValue: 28)
    /// Where a service is.
    static let srv = DNSType(rawValue: 33)
    /// All types, in a question.
    static let any = DNSType(rawValue: 255)
}

/// A record of a DNS message.
struct DNSRecord: Hashable, Sendable {
    /// The class of the internet.
    static let internet: UInt16 = 1

    /// The name that the record is about.
    var name: DNSName

    /// The class; its top bit tells caches to drop what they had (RFC 6762, 10.2).
    var classCode: UInt16 = Self.internet

    /// How long the record may be kept, in seconds; 0 takes it back.
    var timeToLive: UInt32

    /// The data.
    var data: Data

    /// The data of the types that mDNS uses here.
    enum Data: Hashable, Sendable {
        case pointer(DNSName)
        case server(priority: UInt16, weight: UInt16, port: UInt16, target: DNSName)
        case address(IPAddress)
        case text([[UInt8]])
    }

    /// The type.
    var type: DNSType {
        switch data {
        case .pointer: .ptr
        case .server: .srv
        case .address(let address): address.isIPv4 ? .a : .aaaa
        case .text: .txt
        }
    }
}
