internal import MicroCore
internal import NIOCore

/// The questions that somebody waits for, each with what was heard so far.
///
/// A search ends when answers came and a short time passed in which no new one did, and at the latest
/// after its time limit. In the middle the question is asked once more, since a packet may get lost.
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
    }

    private struct Search {
        let goal: Goal
        let question: DNSName
        let end: NIODeadline
        var retry: NIODeadline?
        var quietEnd: NIODeadline?
        var records: [NodeKey: ServiceRecord] = [:]
        var services: Set<String> = []

        var due: NIODeadline { [end, retry, quietEnd].compactMap(\.self).min() ?? end }
    }

    /// The most answers that one search collects.
    private static let maximumAnswers = 4096

    /// How long a search takes at most.
    let limit: TimeAmount

    /// How long a search goes on behind an answer.
    let quiet: TimeAmount

    private var searches: [ID: Search] = [:]

    /// Creates an empty set of searches.
    ///
    /// - Parameters:
    ///   - limit: How long a search takes at most.
    ///   - quiet: How long a search goes on behind an answer.
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
    var questions: [DNSName] { searches.values.map(\.question) }

    /// Whether somebody waits for a service's nodes.
    ///
    /// - Parameter question: The name that finds the service's nodes.
    /// - Returns: Whether anybody waits.
    func wants(_ question: DNSName) -> Bool { searches.values.contains { $0.question == question } }

    /// Begins a search; the caller sends the question.
    ///
    /// - Parameters:
    ///   - id: Who waits.
    ///   - goal: What is searched.
    ///   - question: The name to ask for.
    ///   - now: The time.
    mutating func start(_ id: ID, _ goal: Goal, question: DNSName, now: NIODeadline) {
        let middle = now + .nanoseconds(limit.nanoseconds / 2)
        searches[id] = Search(goal: goal, question: question, end: now + limit, retry: middle)
    }

    /// Ends a search that nobody waits for any more.
    ///
    /// - Parameter id: Who waited.
    mutating func cancel(_ id: ID) { searches[id] = nil }

    /// Takes notice of a node.
    ///
    /// - Parameters:
    ///   - record: The service with this one node.
    ///   - key: The node.
    ///   - now: The time.
    mutating func found(_ record: ServiceRecord, key: NodeKey, now: NIODeadline) {
        for (id, search) in searches where search.goal == .nodes(service: record.name) {
            guard search.records[key] != record, search.records.count < Self.maximumAnswers else { continue }
            searches[id]?.records[key] = record
            searches[id]?.quietEnd = now + quiet
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
            guard search.services.count < Self.maximumAnswers, !search.services.contains(service) else {
                continue
            }
            searches[id]?.services.insert(service)
            searches[id]?.quietEnd = now + quiet
        }
    }

    /// Does what is due.
    ///
    /// - Parameter now: The time.
    /// - Returns: The names to ask for again, and what ended.
    mutating func poll(now: NIODeadline) -> (questions: [DNSName], ended: [(id: ID, findings: Findings)]) {
        var questions: [DNSName] = []
        var ended: [(id: ID, findings: Findings)] = []
        for (id, search) in searches where search.due <= now {
            if search.end <= now || search.quietEnd.map({ $0 <= now }) == true {
                searches[id] = nil
                let findings = Findings(records: Array(search.records.values), services: search.services)
                ended.append((id, findings))
            } else {
                searches[id]?.retry = nil
                questions.append(search.question)
            }
        }
        return (questions, ended)
    }
}
