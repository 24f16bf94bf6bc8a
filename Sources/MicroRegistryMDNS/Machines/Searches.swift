internal import MicroCore
internal import MicroDNS
internal import NIOCore

/// The questions that somebody waits for, each with what was heard so far.
///
/// A search without any answer ends at its time limit. With answers it ends when no new one came for as long as
/// is usual now: 25 ms, or twice the time that the last new answer took, whichever is longer. On a busy machine
/// the answers of many processes come as these get their turn, with gaps that grow with the time that all of
/// them take: of 81 services that answered within 75 ms a fixed 25 ms left out 49. A list of services, which
/// people look at, waits 100 ms, and a second more than the time limit for its first answer. Answers that still
/// come at the time limit may take a second more.
///
/// In the middle of its time limit the question is asked once more, since a packet may get lost.
struct Searches {
    /// Who waits.
    enum ID: Hashable {
        /// A caller.
        case caller(Int)

        /// The watchers of a service.
        case service(String)

        /// The watchers of all services.
        case all
    }

    /// What is searched.
    enum Goal: Hashable {
        /// The nodes of a service.
        case nodes(service: String)

        /// The names of all services.
        case services
    }

    /// What was found.
    struct Findings: Hashable {
        /// The nodes, one in each record.
        var records: [ServiceRecord] = []

        /// The names of services.
        var services: Set<String> = []

        /// Whether answers still came when the time was over, or there were more than are read.
        var isPartial = false
    }

    private struct Search {
        let goal: Goal
        let quiet: TimeAmount
        let question: DNSName
        let start: NIODeadline

        /// When it ends whatever comes.
        let latestEnd: NIODeadline

        /// How many texts that may belong to the question had been left out when it began.
        let misses: Int

        /// When it ends if nothing new comes.
        var end: NIODeadline
        var retry: NIODeadline?
        var records: [NodeKey: ServiceRecord] = [:]
        var services: Set<String> = []

        /// The texts of the records, and what they cost; nodes of one service often have the same.
        var texts: Set<[[UInt8]]> = []
        var cost = TextCost()
        var isPartial = false

        var due: NIODeadline { [end, retry].compactMap(\.self).min() ?? end }

        /// Takes notice of a new answer.
        mutating func answered(now: NIODeadline) {
            let pause = max(quiet.nanoseconds, (now - start).nanoseconds * 2)
            end = min(now + .nanoseconds(pause), latestEnd)
        }
    }

    /// A question that searches ask.
    private struct Question {
        var searches = 0

        /// How many texts that may belong to it were left out.
        var misses = 0
    }

    /// The most answers that one search collects.
    private static let maximumAnswers = 4096

    /// The most that the texts of one search's answers may cost, each counted once.
    private static let maximumCost = TextCost(bytes: 32 << 20, elements: 1 << 20)

    /// How long a search for all services goes on behind an answer at least.
    private static let listingQuiet = TimeAmount.milliseconds(100)

    /// How long a caller's search may go on behind its time limit while answers come.
    private static let overtime = TimeAmount.seconds(1)

    /// How long a search waits for an answer.
    let limit: TimeAmount

    /// How long a search goes on behind an answer at least.
    let quiet: TimeAmount

    private var searches: [ID: Search] = [:]
    private var questions: [DNSName: Question] = [:]

    /// Creates an empty set of searches.
    ///
    /// - Parameters:
    ///   - limit: How long a search waits for an answer.
    ///   - quiet: How long a search goes on behind an answer at least.
    init(limit: TimeAmount, quiet: TimeAmount) {
        self.limit = limit
        self.quiet = quiet
    }

    /// How many there are.
    var count: Int { searches.count }

    /// When ``poll(now:)`` has something to do.
    var deadline: NIODeadline? { searches.values.map(\.due).min() }

    /// Returns whether somebody waits under an id.
    ///
    /// - Parameter id: Who waits.
    /// - Returns: Whether the search runs.
    func isRunning(_ id: ID) -> Bool { searches[id] != nil }

    /// The names that are asked for.
    var asked: [DNSName] { searches.values.map(\.question) }

    /// Whether somebody waits for a service's nodes.
    ///
    /// - Parameter question: The name that finds the service's nodes.
    /// - Returns: Whether anybody waits.
    func wants(_ question: DNSName) -> Bool { questions[question] != nil }

    /// Takes notice of a text that was left out.
    ///
    /// - Parameter question: The name that finds its service's nodes.
    mutating func missed(_ question: DNSName) { questions[question]?.misses += 1 }

    /// Begins a search; the caller sends the question.
    ///
    /// - Parameters:
    ///   - id: Who waits.
    ///   - goal: What is searched.
    ///   - question: The name to ask for.
    ///   - now: The time.
    mutating func start(_ id: ID, _ goal: Goal, question: DNSName, now: NIODeadline) {
        cancel(id)
        let end = now + limit
        // What watchers hear later reaches them as a change.
        let overtime = if case .caller = id { Self.overtime } else { TimeAmount.zero }
        let asked = questions[question] ?? Question()
        questions[question] = Question(searches: asked.searches + 1, misses: asked.misses)
        searches[id] = Search(
            goal: goal, quiet: goal == .services ? max(quiet, min(limit, Self.listingQuiet)) : quiet,
            question: question, start: now, latestEnd: end + overtime, misses: asked.misses,
            end: goal == .services ? end + overtime : end, retry: now + .nanoseconds(limit.nanoseconds / 2))
    }

    /// Ends a search that nobody waits for any more.
    ///
    /// - Parameter id: Who waited.
    mutating func cancel(_ id: ID) { _ = remove(id) }

    private mutating func remove(_ id: ID) -> Findings? {
        guard let search = searches.removeValue(forKey: id) else { return nil }
        let asked = questions[search.question] ?? Question()
        questions[search.question] =
            asked.searches > 1 ? Question(searches: asked.searches - 1, misses: asked.misses) : nil
        return Findings(
            records: Array(search.records.values), services: search.services,
            isPartial: search.isPartial || asked.misses > search.misses)
    }

    /// Takes notice of a node.
    ///
    /// - Parameters:
    ///   - record: The service with this one node.
    ///   - key: The node.
    ///   - text: Its text.
    ///   - cost: What reading the text costs.
    ///   - now: The time.
    mutating func found(
        _ record: ServiceRecord, key: NodeKey, text: [[UInt8]], cost: TextCost, now: NIODeadline
    ) {
        for (id, search) in searches where search.goal == .nodes(service: record.name) {
            guard search.records[key] != record else { continue }
            let isNew = !search.texts.contains(text)
            let total = isNew ? search.cost + cost : search.cost
            guard search.records.count < Self.maximumAnswers, !total.exceeds(Self.maximumCost) else {
                searches[id]?.isPartial = true
                continue
            }
            searches[id]?.cost = total
            if isNew { searches[id]?.texts.insert(text) }
            searches[id]?.records[key] = record
            searches[id]?.answered(now: now)
        }
    }

    /// Takes notice of a node that took itself back.
    ///
    /// - Parameter key: The node.
    mutating func lost(_ key: NodeKey) {
        for id in searches.keys { searches[id]?.records[key] = nil }
    }

    /// Takes notice of a service's name.
    ///
    /// - Parameters:
    ///   - service: The name of the service.
    ///   - now: The time.
    mutating func found(service: String, now: NIODeadline) {
        for (id, search) in searches where search.goal == .services {
            guard !search.services.contains(service) else { continue }
            guard search.services.count < Self.maximumAnswers else {
                searches[id]?.isPartial = true
                continue
            }
            searches[id]?.services.insert(service)
            searches[id]?.answered(now: now)
        }
    }

    /// Does what is due.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - isReading: Whether answers have come that are yet to be read.
    /// - Returns: The names to ask for again, and what ended.
    mutating func poll(
        now: NIODeadline, isReading: Bool
    ) -> (questions: [DNSName], ended: [(id: ID, findings: Findings)]) {
        var questions: [DNSName] = []
        var ended: [(id: ID, findings: Findings)] = []
        for (id, search) in searches where search.due <= now {
            if let retry = search.retry, retry <= now {
                searches[id]?.retry = nil
                if search.end > now { questions.append(search.question) }
            }
            guard search.end <= now else { continue }
            if isReading, now < search.latestEnd {
                searches[id]?.end = min(now + search.quiet, search.latestEnd)
            } else {
                let isCut = search.latestEnd <= now && search.latestEnd > search.start + limit
                if isCut, !search.records.isEmpty || !search.services.isEmpty {
                    searches[id]?.isPartial = true
                }
                if let findings = remove(id) { ended.append((id, findings)) }
            }
        }
        return (questions, ended)
    }
}
