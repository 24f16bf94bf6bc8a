internal import MicroCore
internal import MicroDNS
internal import NIOCore

/// Finds the nodes of others: answers lookups, and keeps watched services up to date.
///
/// It does no I/O: it is told of time, of packets and of what is wanted, and returns what to do.
struct Browser {
    /// What to do.
    enum Effect: Hashable {
        /// Ask for a name.
        case ask(DNSName)

        /// Tell watchers that a node came or changed.
        case up(ServiceRecord)

        /// Tell watchers that a node went.
        case down(NodeKey)

        /// Tell watchers that the present nodes of a service are known; of all services if `nil`.
        case synced(String?)

        /// Tell a caller what was found.
        case found(caller: Int, Searches.Findings)

        /// Report that a node was left out, since its sender says more than is read.
        case leftOut(sender: String)
    }

    /// The most services that are watched because somebody watches all.
    private static let maximumDiscovered = 1024

    let names: ServiceNames
    var searches: Searches
    var cache: NodeCache

    /// What the texts that were read lately mean, those that are to be read, and how much may be read.
    var txtCache = TXTCache()
    var queue: TextQueue
    var budget: TextBudget

    /// The text that is being read.
    var textInHand: TextJob?

    /// The number of the last packet.
    var packetNumber = 0

    /// What is asked for from time to time, by service.
    private(set) var watches: [String: AskSchedule] = [:]

    /// The names of ``watches``.
    private(set) var watchedQuestions: Set<DNSName> = []

    /// The list of all services, if somebody watches all.
    private(set) var listing: AskSchedule?

    /// Whether the watchers of all services are still to be told that the present nodes are known.
    private var isListingUnsynced = false

    /// Creates a browser that searches nothing.
    ///
    /// - Parameters:
    ///   - names: The names of the domain.
    ///   - limit: How long a search waits for an answer.
    ///   - quiet: How long a search goes on behind an answer at least.
    ///   - cacheLimits: What bounds the nodes that are kept.
    ///   - queueLimits: What bounds the texts that wait to be read.
    ///   - budgetLimits: What bounds the texts that are read.
    init(
        names: ServiceNames, limit: TimeAmount, quiet: TimeAmount,
        cacheLimits: NodeCache.Limits = NodeCache.Limits(),
        queueLimits: TextQueue.Limits = TextQueue.Limits(),
        budgetLimits: TextBudget.Limits = TextBudget.Limits()
    ) {
        self.names = names
        queue = TextQueue(limits: queueLimits)
        budget = TextBudget(limits: budgetLimits)
        searches = Searches(limit: limit, quiet: quiet)
        cache = NodeCache(limits: cacheLimits)
    }

    /// How many searches run.
    var searchCount: Int { searches.count }

    /// When ``poll(now:)`` has something to do.
    var deadline: NIODeadline? {
        ([searches.deadline, cache.deadline, listing?.next] + watches.values.map(\.next))
            .compactMap(\.self).min()
    }

    /// Whether what is known of a service can be returned without asking.
    ///
    /// - Parameter service: The name of the service.
    /// - Returns: Whether it is watched, and a node is known.
    func knows(_ service: String) -> Bool {
        watches[service] != nil && !searches.isRunning(.service(service)) && cache.hasNodes(of: service)
    }

    /// Begins a lookup.
    ///
    /// - Parameters:
    ///   - service: The name of the service.
    ///   - caller: Who waits.
    ///   - now: The time.
    /// - Returns: What to do.
    mutating func lookUp(_ service: String, caller: Int, now: NIODeadline) -> [Effect] {
        guard let question = names.service(service) else {
            return [.found(caller: caller, Searches.Findings())]
        }
        searches.start(.caller(caller), .nodes(service: service), question: question, now: now)
        return [.ask(question)]
    }

    /// Begins a search for the names of all services.
    ///
    /// - Parameters:
    ///   - caller: Who waits.
    ///   - now: The time.
    /// - Returns: What to do.
    mutating func list(caller: Int, now: NIODeadline) -> [Effect] {
        searches.start(.caller(caller), .services, question: names.listing, now: now)
        return [.ask(names.listing)]
    }

    /// Ends a search that nobody waits for any more.
    ///
    /// - Parameter caller: Who waited.
    mutating func cancel(caller: Int) { searches.cancel(.caller(caller)) }

    /// Watches exactly some services.
    ///
    /// - Parameters:
    ///   - services: The names of the services.
    ///   - all: Whether all services are watched.
    ///   - now: The time.
    /// - Returns: What to do.
    mutating func watch(_ services: Set<String>, all: Bool, now: NIODeadline) -> [Effect] {
        if !all {
            listing = nil
            isListingUnsynced = false
            searches.cancel(.all)
            for (service, watch) in watches where !services.contains(service) {
                watches[service] = nil
                watchedQuestions.remove(watch.question)
                searches.cancel(.service(service))
            }
            cache.keep(services.contains)
        }
        var effects = services.subtracting(watches.keys).sorted().flatMap { begin($0, now: now) }
        if all, listing == nil {
            listing = AskSchedule(question: names.listing, now: now)
            isListingUnsynced = true
            searches.start(.all, .services, question: names.listing, now: now)
            effects.append(.ask(names.listing))
        }
        return effects
    }

    /// Asks for everything that is wanted, and at short intervals again, since the network has changed.
    ///
    /// - Parameter now: The time.
    /// - Returns: What to do.
    mutating func askAgain(now: NIODeadline) -> [Effect] {
        watches = watches.mapValues { AskSchedule(question: $0.question, now: now) }
        listing = listing.map { AskSchedule(question: $0.question, now: now) }
        let questions = watches.values.map(\.question) + [listing?.question].compactMap(\.self)
        return Set(questions + searches.asked).map(Effect.ask)
    }

    /// Forgets a node of our own that has gone, whatever older packets still say.
    ///
    /// - Parameters:
    ///   - key: The node.
    ///   - now: The time.
    mutating func evict(_ key: NodeKey, now: NIODeadline) {
        _ = cache.evict(key, from: .ourselves, now: now)
        searches.lost(key)
    }

    /// Does what is due.
    ///
    /// - Parameter now: The time.
    /// - Returns: What to do.
    mutating func poll(now: NIODeadline) -> [Effect] {
        var effects: [Effect] = []
        let (expired, refresh) = cache.poll(now: now)
        effects += expired.map(Effect.down)
        let (again, ended) = searches.poll(now: now, isReading: textInHand != nil || !queue.isEmpty)
        effects += ended.flatMap { conclude($0.id, $0.findings) }
        if isListingUnsynced, !searches.isRunning(.all), !watches.keys.contains(where: isSyncing) {
            isListingUnsynced = false
            effects.append(.synced(nil))
        }
        var questions = Set(again + refresh.compactMap(names.service))
        for (service, watch) in watches where watch.next <= now {
            questions.insert(watch.question)
            watches[service]?.advance(from: now)
        }
        if let watch = listing, watch.next <= now {
            questions.insert(watch.question)
            listing?.advance(from: now)
        }
        return effects + questions.map(Effect.ask)
    }

    private func isSyncing(_ service: String) -> Bool { searches.isRunning(.service(service)) }

    private mutating func begin(_ service: String, now: NIODeadline) -> [Effect] {
        guard let question = names.service(service) else { return [.synced(service)] }
        watches[service] = AskSchedule(question: question, now: now)
        watchedQuestions.insert(question)
        searches.start(.service(service), .nodes(service: service), question: question, now: now)
        return [.ask(question)]
    }

    private func conclude(_ id: Searches.ID, _ findings: Searches.Findings) -> [Effect] {
        switch id {
        case .caller(let caller): [.found(caller: caller, findings)]
        case .service(let service): [.synced(service)]
        case .all: []
        }
    }

    /// Watches a service that was heard of, if somebody watches all.
    mutating func discover(_ service: String, now: NIODeadline) -> [Effect] {
        guard listing != nil, watches[service] == nil, watches.count < Self.maximumDiscovered else {
            return []
        }
        return begin(service, now: now)
    }
}
