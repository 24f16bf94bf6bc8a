internal import MicroDNS

extension Responder {
    /// The most questions of one packet that are answered; go-micro asks one.
    private static let maximumQuestions = 32

    /// Answers a query.
    ///
    /// go-micro takes one node from a reply, and only if the reply repeats its question. So each node
    /// gets a reply of its own, with the question as it came.
    ///
    /// - Parameter query: The message. A response is never answered, whatever questions it has: its
    ///   sender may answer as well, and so on forever.
    /// - Returns: The packets to send to the asker.
    func answers(to query: DNSMessage) -> [[UInt8]] {
        guard query.flags.isDisjoint(with: [.response, .unusual]) else { return [] }
        // Whoever asks for the same in several ways gets it once: the answers may go to somebody who never asked.
        var given: Set<DNSRecord> = []
        var packets: [[UInt8]] = []
        for question in query.questions.prefix(Self.maximumQuestions) {
            for records in answers(to: question) where !given.isSuperset(of: records) {
                given.formUnion(records)
                let id = question.wantsUnicast ? query.id : 0
                let reply = DNSMessage(
                    id: id, flags: [.response, .authoritative], questions: [question], answers: records)
                packets.append(reply.encoded(compressed: true))
            }
        }
        return packets
    }

    /// The records that answer a question, those of each reply together.
    private func answers(to question: DNSQuestion) -> [[DNSRecord]] {
        guard question.isInternet else { return [] }
        let isPointer = question.type == .ptr || question.type == .any
        var replies: [[DNSRecord]] = []
        switch question.name {
        case names.listing where isPointer:
            replies = services.map { [pointer(question.name, to: $0.listed)] + $0.listing }
        case names.serviceTypes where isPointer:
            replies = services.map { [pointer(question.name, to: $0.service)] }
            if !replies.isEmpty { replies.append([pointer(question.name, to: names.listing)]) }
        default:
            replies = instances.map { answers(to: question, about: $0) }
        }
        var seen: Set<[DNSRecord]> = []
        return replies.filter { !$0.isEmpty && seen.insert($0).inserted }
    }

    private func answers(to question: DNSQuestion, about instance: OwnInstance) -> [DNSRecord] {
        switch (question.name, question.type) {
        case (instance.service, .ptr), (instance.service, .any): instance.pointed
        case (instance.name, .any): instance.described
        case (instance.name, .srv): [instance.serverRecord, instance.addressRecord]
        case (instance.name, .txt): [instance.textRecord]
        case (instance.name, instance.addressRecord.type), (instance.host, instance.addressRecord.type):
            [instance.addressRecord]
        default: []
        }
    }

    /// One node of each service.
    private var services: [OwnInstance] {
        var seen: Set<DNSName> = []
        return instances.filter { seen.insert($0.service).inserted }
    }

    private func pointer(_ name: DNSName, to target: DNSName) -> DNSRecord {
        DNSRecord(name: name, timeToLive: OwnInstance.timeToLive, data: .pointer(target))
    }
}
