/// A question to a server, and what its answer means.
///
/// It does no input or output.
struct DNSQuery: Sendable {
    /// What an answer means.
    enum Outcome: Hashable {
        /// The records of the wanted type, and the name at which they stand.
        case records([DNSRecord], at: DNSName, timeToLive: UInt32)

        /// The name is another one's alias, about which the answer says nothing.
        case alias(DNSName, timeToLive: UInt32)

        /// There is nothing.
        case nothing(nameExists: Bool, at: DNSName, timeToLive: UInt32)
    }

    let id: UInt16
    let question: DNSQuestion

    /// The most aliases that are followed, in one answer or over several.
    static let maximumAliases = 8

    /// The records that an answer is read for.
    static let types: Set<DNSType> = [.a, .aaaa, .srv, .cname, .soa]

    /// The longest packet that we take over UDP: it passes every network undivided (DNS flag day 2020).
    private static let payloadSize: UInt16 = 1232

    /// Creates a question with a number that nobody can guess.
    init(_ name: DNSName, _ type: DNSType) {
        id = .random(in: .min ... .max)
        question = DNSQuestion(name: name, type: type)
    }

    /// The question as it lies on the wire.
    ///
    /// - Parameter usesExtensions: Whether it says how long an answer may be (EDNS; RFC 6891).
    /// - Returns: The bytes.
    func encoded(usesExtensions: Bool) -> [UInt8] {
        var message = DNSMessage(id: id, flags: .recursionDesired, questions: [question])
        if usesExtensions {
            message.additionals = [
                DNSRecord(name: DNSName(), classCode: Self.payloadSize, timeToLive: 0, data: .options([]))
            ]
        }
        return message.encoded(compressed: true)
    }

    /// Whether a message answers this question, and no other one (RFC 5452, 9.1).
    func isAnswered(by message: DNSMessage) -> Bool {
        guard message.id == id, message.flags.contains(.response), message.operationCode == 0 else {
            return false
        }
        // A server that doesn't understand a question may leave it out.
        guard let first = message.questions.first else {
            return [.formatError, .notImplemented].contains(message.responseCode)
        }
        return message.questions.count == 1 && first.type == question.type
            && first.classCode == question.classCode && first.name.lowercased == question.name.lowercased
    }

    /// Reads an answer that says that there is the name, or isn't.
    ///
    /// - Throws: A ``DNSError`` if it has more aliases than are followed.
    func outcome(of message: DNSMessage) throws(DNSError) -> Outcome {
        var name = question.name.lowercased
        var timeToLive = UInt32.max
        var aliases = 0
        let answers = message.answers.filter { $0.classCode == DNSRecord.internet }
        while true {
            let own = answers.filter { $0.name.lowercased == name }
            let wanted = own.filter { $0.type == question.type }
            guard wanted.isEmpty else {
                let shortest = wanted.map(\.validTimeToLive).min() ?? 0
                return .records(wanted, at: name, timeToLive: min(timeToLive, shortest))
            }
            guard let record = own.first(where: { $0.type == .cname }), case .alias(let target) = record.data
            else { break }
            aliases += 1
            guard aliases <= Self.maximumAliases else { throw Self.tooManyAliases(question.name) }
            timeToLive = min(timeToLive, record.validTimeToLive)
            name = target.lowercased
        }
        let negative = message.negativeTimeToLive
        guard message.responseCode == .noError, aliases > 0, negative == nil else {
            // Without a word about it, it holds no longer than this answer (RFC 2308, 5).
            return .nothing(
                nameExists: message.responseCode == .noError, at: name,
                timeToLive: min(timeToLive, negative ?? 0))
        }
        return .alias(name, timeToLive: timeToLive)
    }

    static func tooManyAliases(_ name: DNSName) -> DNSError {
        DNSError(
            .invalidAnswer,
            "The name \(name.text ?? "") has more than \(maximumAliases) aliases behind each other, or in a circle."
        )
    }
}

extension DNSMessage {
    /// How a server took a question (RFC 1035, 4.1.1).
    struct ResponseCode: RawRepresentable, Hashable {
        let rawValue: UInt16

        static let noError = Self(rawValue: 0)
        static let formatError = Self(rawValue: 1)
        static let serverFailure = Self(rawValue: 2)
        static let noSuchName = Self(rawValue: 3)
        static let notImplemented = Self(rawValue: 4)
        static let refused = Self(rawValue: 5)
    }

    /// How the server took the question.
    var responseCode: ResponseCode { ResponseCode(rawValue: flags.rawValue & 0xF) }

    /// What the message is about; 0 for a question.
    var operationCode: UInt16 { flags.rawValue >> 11 & 0xF }

    /// For how long it holds that there is nothing: what the zone's SOA record says (RFC 2308, 5).
    fileprivate var negativeTimeToLive: UInt32? {
        for record in authorities {
            if case .authority(let zone) = record.data { return min(record.validTimeToLive, zone.minimum) }
        }
        return nil
    }
}

extension DNSRecord {
    /// How long the record holds; one with the top bit set holds not at all (RFC 2181, 8).
    fileprivate var validTimeToLive: UInt32 { timeToLive >> 31 == 0 ? timeToLive : 0 }
}
