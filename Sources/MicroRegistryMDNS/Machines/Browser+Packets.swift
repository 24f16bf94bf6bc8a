internal import MicroCore
internal import MicroDNS
internal import NIOCore

// A packet is looked at at once. The text of a node, from which all else about it is learnt, is read elsewhere,
// since that may take milliseconds: whoever runs the browser takes texts with `nextText`, reads them one after
// the other, and returns what came of it.

extension Browser {
    /// Takes notice of a packet.
    ///
    /// - Parameters:
    ///   - message: The packet.
    ///   - source: The socket by which it came.
    ///   - sender: The address that sent it.
    ///   - now: The time.
    ///   - isOwn: Whether a node is ours; what others, or echoes, say of it isn't believed.
    /// - Returns: What to do. There may be texts to read now.
    mutating func receive(
        _ message: DNSMessage, from source: PacketSource, sender: String, now: NIODeadline,
        isOwn: (NodeKey) -> Bool
    ) -> [Effect] {
        guard message.flags.contains(.response), message.flags.isDisjoint(with: .unusual) else {
            return []
        }
        var effects: [Effect] = []
        for record in message.answers + message.additionals where record.name == names.listing {
            guard case .pointer(let target) = record.data, record.timeToLive > 0,
                let service = names.listedService(target)
            else { continue }
            searches.found(service: service, now: now)
            effects += discover(service, now: now)
        }
        packetNumber &+= 1
        for announcement in Announcement.all(in: message) where isWanted(announcement.name) {
            let job = TextJob(
                announcement: announcement, packet: packetNumber, sender: sender, source: source)
            // What is said of a node is taken in the order in which it came.
            let isWaiting =
                queue.holds(announcement.name) || textInHand?.announcement.name == announcement.name
            if !isWaiting, let key = cache.key(of: announcement),
                question(of: announcement.name).map(searches.wants) == false
            {
                // A flood of new texts doesn't keep those from being renewed that are known.
                effects += renew(key, job, now: now, isOwn: isOwn)
            } else if !isWaiting, let known = txtCache.reading(of: announcement.content.text) {
                effects += take(known, of: job, isNew: false, now: now, isOwn: isOwn)
            } else if !queue.append(job) {
                effects.append(leftOut(job))
            }
        }
        return effects
    }

    /// Takes notice of a node that is known as it is.
    private mutating func renew(
        _ key: NodeKey, _ job: TextJob, now: NIODeadline, isOwn: (NodeKey) -> Bool
    ) -> [Effect] {
        guard !isOwn(key) else { return [] }
        guard job.announcement.timeToLive > 0 else {
            searches.lost(key)
            return cache.evict(key, from: job.source, now: now) ? [.down(key)] : []
        }
        _ = cache.see(job.announcement, size: 0, key: key, from: job.source, now: now)
        return []
    }

    /// Takes the next text that is to be read; until ``finish(_:limit:now:isOwn:)`` there is no other.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - isOwn: Whether a node is ours.
    /// - Returns: The text with what reading it may cost, if there is one, and what to do.
    mutating func nextText(
        now: NIODeadline, isOwn: (NodeKey) -> Bool
    ) -> (text: (job: TextJob, limit: TextCost)?, effects: [Effect]) {
        var effects: [Effect] = []
        while textInHand == nil, let job = queue.popFirst() {
            if let known = txtCache.reading(of: job.announcement.content.text) {
                effects += take(known, of: job, isNew: false, now: now, isOwn: isOwn)
            } else if let limit = budget.rest(packet: job.packet, source: job.sender, now: now) {
                textInHand = job
                return ((job, limit), effects)
            } else {
                effects.append(leftOut(job))
            }
        }
        return (nil, effects)
    }

    /// Takes notice of what came of reading a text.
    ///
    /// - Parameters:
    ///   - reading: What came of it.
    ///   - limit: What it was allowed to cost.
    ///   - now: The time.
    ///   - isOwn: Whether a node is ours.
    /// - Returns: What to do.
    mutating func finish(
        _ reading: TextReading, limit: TextCost, now: NIODeadline, isOwn: (NodeKey) -> Bool
    ) -> [Effect] {
        guard let job = textInHand else { return [] }
        textInHand = nil
        budget.spend(reading.cost, packet: job.packet, source: job.sender, now: now)
        if case .failure(.tooLarge) = reading.result, limit != .node { return [leftOut(job)] }
        txtCache.remember(reading, of: job.announcement.content.text)
        return take(reading, of: job, isNew: true, now: now, isOwn: isOwn)
    }

    /// The question that finds a node's service, if somebody wants to know it, from the node's name alone.
    private func question(of node: DNSName) -> DNSName? {
        node.parents.first { searches.wants($0) || watchedQuestions.contains($0) }
    }

    private func isWanted(_ node: DNSName) -> Bool { listing != nil || question(of: node) != nil }

    private mutating func leftOut(_ job: TextJob) -> Effect {
        if let question = question(of: job.announcement.name) { searches.missed(question) }
        return .leftOut(sender: job.sender)
    }

    /// Takes notice of a node whose text was read.
    ///
    /// - Parameters:
    ///   - reading: What came of reading the text.
    ///   - job: The node.
    ///   - isNew: Whether the text was read just now, and what it cost is counted.
    ///   - now: The time.
    ///   - isOwn: Whether a node is ours.
    /// - Returns: What to do.
    private mutating func take(
        _ reading: TextReading, of job: TextJob, isNew: Bool, now: NIODeadline, isOwn: (NodeKey) -> Bool
    ) -> [Effect] {
        let announcement = job.announcement
        let text: ServiceTXT
        switch reading.result {
        case .success(let read): text = read
        case .failure(.tooLarge): return [leftOut(job)]
        case .failure: return []
        }
        guard let record = announcement.record(of: text, names: names), let key = record.keys.first,
            !isOwn(key)
        else { return [] }
        guard announcement.timeToLive > 0 else {
            searches.lost(key)
            guard watches[key.service] != nil else { return [] }
            return cache.evict(key, from: job.source, now: now) ? [.down(key)] : []
        }
        let discovered = discover(record.name, now: now)
        searches.found(record, key: key, text: announcement.content.text, cost: reading.cost, now: now)
        guard watches[record.name] != nil else { return discovered }
        // A change costs those who watch, also if the text was read before.
        if !isNew, !cache.holds(key, as: announcement) {
            guard let rest = budget.rest(packet: job.packet, source: job.sender, now: now),
                !reading.cost.exceeds(rest)
            else { return discovered + [leftOut(job)] }
            budget.spend(reading.cost, packet: job.packet, source: job.sender, now: now)
        }
        let node = record.nodes.first.map { $0.id.utf8.count + $0.address.utf8.count } ?? 0
        switch cache.see(announcement, size: reading.size + node, key: key, from: job.source, now: now) {
        case .changed: return discovered + [.up(record)]
        case .unchanged, .ignored: return discovered
        }
    }
}
