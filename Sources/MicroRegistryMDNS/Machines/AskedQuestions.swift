internal import MicroDNS
internal import NIOCore

/// Remembers what we asked lately, since only that may be answered to us alone.
///
/// Anybody can send a packet to the socket from which we ask. What nobody asked for is told to all, by
/// multicast, or not at all.
struct AskedQuestions {
    /// The most names that are remembered for each half of the time.
    private static let maximumCount = 65_536

    /// How long an answer may take at least.
    private let lifetime: TimeAmount
    private var recent: Set<DNSName> = []
    private var earlier: Set<DNSName> = []
    private var turn = NIODeadline.uptimeNanoseconds(0)

    /// Creates a memory that is empty.
    ///
    /// - Parameter lifetime: How long an answer may take at least.
    init(lifetime: TimeAmount) { self.lifetime = lifetime }

    /// Remembers a question.
    ///
    /// - Parameters:
    ///   - name: The name that is asked for.
    ///   - now: The time.
    mutating func insert(_ name: DNSName, now: NIODeadline) {
        age(now)
        if recent.count >= Self.maximumCount { recent.removeAll(keepingCapacity: true) }
        recent.insert(name)
    }

    /// Returns the part of a message that answers what was asked.
    ///
    /// - Parameters:
    ///   - message: The message.
    ///   - now: The time.
    /// - Returns: The message with the records about names that were asked for, or that stand below them;
    ///   `nil` if there are none.
    mutating func answers(in message: DNSMessage, now: NIODeadline) -> DNSMessage? {
        age(now)
        var message = message
        message.answers.removeAll { !isAnswer($0) }
        message.additionals.removeAll { !isAnswer($0) }
        let isAddress = { (record: DNSRecord) in if case .address = record.data { true } else { false } }
        return (message.answers + message.additionals).allSatisfy(isAddress) ? nil : message
    }

    /// Whether a record may belong to an answer.
    ///
    /// An address says nothing without the record that points to it.
    private func isAnswer(_ record: DNSRecord) -> Bool {
        if case .address = record.data { return true }
        return ([record.name] + record.name.parents).contains { recent.contains($0) || earlier.contains($0) }
    }

    private mutating func age(_ now: NIODeadline) {
        guard now >= turn else { return }
        // After a long silence both halves are old.
        earlier = now >= turn + lifetime ? [] : recent
        recent = []
        turn = now + lifetime
    }
}
