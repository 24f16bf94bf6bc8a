import DNSTestSupport
import MicroCore
import MicroDNS
import NIOCore
import Testing

@testable import MicroRegistryMDNS

@Suite(.timeLimit(.minutes(2))) struct BrowserTests {
    private var browser: Browser
    private var others: Responder
    private let names: ServiceNames
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private let socket = PacketSource(link: 0, isGroup: true)
    private let otherSocket = PacketSource(link: 1, isGroup: true)

    init() throws {
        names = try #require(ServiceNames(domain: "micro"))
        browser = Browser(names: names, limit: .milliseconds(100), quiet: .milliseconds(25))
        others = Responder(names: names, host: try #require(DNSName("vm")))
    }

    private func record(_ service: String = "greeter", node: String = "a", port: Int = 8080) -> ServiceRecord
    {
        ServiceRecord(
            name: service, version: "1",
            nodes: [Node(id: "\(service)-\(node)", address: "127.0.0.1:\(port)", metadata: [:])])
    }

    /// What another process says of a node unasked.
    private func announcement(_ record: ServiceRecord, timeToLive: UInt32 = 120) throws -> DNSMessage {
        let host = try #require(DNSName("vm"))
        let instance = try OwnInstance(record, node: record.nodes[0], names: names, host: host)
        var message = try DNSMessage(decoding: instance.announcement)
        for position in message.answers.indices { message.answers[position].timeToLive = timeToLive }
        return message
    }

    private mutating func receive(
        _ message: DNSMessage, from source: PacketSource? = nil, at time: NIODeadline
    ) -> [Browser.Effect] {
        let effects = browser.receive(message, from: source ?? socket, sender: "10.0.0.1", now: time) { _ in
            false
        }
        return effects + browser.readTexts(at: time)
    }

    /// Lets time pass up to an end, and returns what happened and when.
    private mutating func run(
        until end: NIODeadline
    ) -> [(at: TimeAmount, effect: Browser.Effect)] {
        var effects: [(TimeAmount, Browser.Effect)] = []
        while let due = browser.deadline, due <= end {
            effects += browser.poll(now: due).map { (due - start, $0) }
        }
        return effects
    }

    @Test mutating func lookupEndsAShortWhileBehindTheLastAnswer() throws {
        let question = try #require(names.service("greeter"))
        #expect(browser.lookUp("greeter", caller: 1, now: start) == [.ask(question)])
        #expect(receive(try announcement(record()), at: start + .milliseconds(5)).isEmpty)
        // The same again is no news.
        _ = receive(try announcement(record()), from: otherSocket, at: start + .milliseconds(9))
        _ = receive(try announcement(record(node: "b")), at: start + .milliseconds(10))
        let ended = run(until: start + .seconds(1))
        #expect(ended.map(\.at) == [.milliseconds(35)])
        guard case .found(caller: 1, let findings)? = ended.first?.effect else {
            Issue.record("The lookup ended with \(ended).")
            return
        }
        #expect(Set(findings.records) == [record(), record(node: "b")])
    }

    /// On a busy machine answers come as their processes get their turn.
    @Test mutating func lookupWaitsLongerWhenAnswersTakeLonger() throws {
        _ = browser.lookUp("greeter", caller: 1, now: start)
        var last = start
        for (number, time) in ([28, 60, 95, 150, 290] as [Int64]).enumerated() {
            let ended = run(until: start + .milliseconds(time)).filter { $0.effect.isFound }
            #expect(ended.isEmpty, "before \(time) ms")
            last = start + .milliseconds(time)
            _ = receive(try announcement(record(node: "\(number)")), at: last)
        }
        let ended = try #require(run(until: start + .seconds(5)).last)
        guard case .found(_, let findings) = ended.effect else {
            Issue.record("The lookup ended with \(ended).")
            return
        }
        #expect(findings.records.count == 5 && !findings.isPartial)
        #expect(ended.at == .milliseconds(290 * 3))
    }

    /// On a busy machine the first answer may take longer than a lookup waits; a list is worth a second more.
    @Test mutating func listsWaitLongerForTheFirstAnswer() throws {
        _ = browser.list(caller: 1, now: start)
        #expect(run(until: start + .milliseconds(550)).allSatisfy { !$0.effect.isFound })
        _ = receive(try DNSMessage(decoding: Captures.brokerListing), at: start + .milliseconds(550))
        let found = Searches.Findings(services: ["micro.http.broker"], isPartial: true)
        let ended = try #require(run(until: start + .seconds(2)).last)
        #expect(ended.effect == .found(caller: 1, found) && ended.at == .milliseconds(1100))
        // Without any answer the list is empty, and not partial.
        _ = browser.list(caller: 2, now: start + .seconds(2))
        #expect(run(until: start + .seconds(5)).last?.effect == .found(caller: 2, Searches.Findings()))
    }

    @Test mutating func lookupWithEndlessAnswersEndsAndIsPartial() throws {
        _ = browser.lookUp("greeter", caller: 1, now: start)
        _ = browser.list(caller: 2, now: start)
        var ends: [TimeAmount] = []
        for number in 0..<100 {
            let now = start + .milliseconds(20 * Int64(number))
            for (at, effect) in run(until: now) {
                guard case .found(_, let findings) = effect else { continue }
                ends.append(at)
                #expect(findings.isPartial)
            }
            _ = receive(try announcement(record(node: "\(number)")), at: now)
            var listing = try DNSMessage(decoding: Captures.brokerListing)
            listing.answers[0].data = .pointer(try #require(names.listed("s\(number)")))
            _ = receive(listing, at: now)
        }
        #expect(ends == [.milliseconds(1100), .milliseconds(1100)])
    }

    /// An answer that has come is read before a search ends.
    @Test mutating func lookupWaitsForWhatIsBeingRead() throws {
        _ = browser.lookUp("greeter", caller: 1, now: start)
        let message = try announcement(record())
        #expect(
            browser.receive(message, from: socket, sender: "", now: start + .milliseconds(99)) { _ in false }
                .isEmpty)
        #expect(run(until: start + .milliseconds(200)).allSatisfy { !$0.effect.isFound })
        _ = browser.readTexts(at: start + .milliseconds(200))
        guard case .found(_, let findings)? = run(until: start + .seconds(2)).last?.effect else {
            Issue.record("The lookup did not end.")
            return
        }
        #expect(findings.records == [record()])
    }

    @Test mutating func lookupAsksTwiceAndEndsAtItsLimit() throws {
        let question = try #require(names.service("greeter"))
        _ = browser.lookUp("greeter", caller: 1, now: start)
        let effects = run(until: start + .seconds(1))
        #expect(effects.map(\.effect) == [.ask(question), .found(caller: 1, Searches.Findings())])
        #expect(effects.map(\.at) == [.milliseconds(50), .milliseconds(100)])
    }

    @Test mutating func lookupTakesOnlyWhatBelongsToIt() throws {
        _ = browser.lookUp("greeter", caller: 1, now: start)
        // Another service, one whose name ends in the same way, a node that takes itself back, a query,
        // an error, and a text that names another service than its record.
        _ = receive(try announcement(record("other")), at: start)
        _ = receive(try announcement(record("the.greeter")), at: start)
        _ = receive(try announcement(record(node: "gone"), timeToLive: 0), at: start)
        var message = try announcement(record(node: "query"))
        message.flags = []
        _ = receive(message, at: start)
        message.flags = [.response, DNSMessage.Flags(rawValue: 3)]
        _ = receive(message, at: start)
        message = try announcement(record("thief"))
        let stolen = try #require(names.instance("x", of: "greeter"))
        message.answers[0].name = stolen
        message.answers[2].name = stolen
        _ = receive(message, at: start)
        #expect(run(until: start + .seconds(1)).last?.effect == .found(caller: 1, Searches.Findings()))
    }

    @Test mutating func lookupTakesAnyOrderOfRecordsAndTwoNodesInAMessage() throws {
        _ = browser.lookUp("greeter", caller: 1, now: start)
        var message = try announcement(record())
        let second = try announcement(record(node: "b"))
        message.answers = second.answers.reversed()
        message.additionals = try announcement(record()).answers
        _ = receive(message, at: start)
        guard case .found(_, let findings)? = run(until: start + .seconds(1)).last?.effect else {
            Issue.record("The lookup did not end.")
            return
        }
        #expect(Set(findings.records) == [record(), record(node: "b")])
    }

    @Test mutating func unusableNamesAreUnknown() {
        #expect(browser.lookUp("a..b", caller: 1, now: start) == [.found(caller: 1, Searches.Findings())])
        #expect(browser.watch(["a..b"], all: false, now: start) == [.synced("a..b")])
        #expect(browser.searchCount == 0)
    }

    @Test mutating func cancelledLookupsEndWithoutAWord() {
        _ = browser.lookUp("greeter", caller: 1, now: start)
        browser.cancel(caller: 1)
        #expect(browser.deadline == nil && browser.searchCount == 0)
    }

    @Test mutating func listsServices() throws {
        #expect(browser.list(caller: 1, now: start) == [.ask(names.listing)])
        for packet in [Captures.brokerListing, Captures.greeterListing, Captures.brokerListing] {
            _ = receive(try DNSMessage(decoding: packet), at: start)
        }
        let found = Searches.Findings(services: ["micro.http.broker", "go.micro.srv.mdnscap"])
        #expect(
            run(until: start + .seconds(1)).map(\.effect) == [.ask(names.listing), .found(caller: 1, found)])
    }

    @Test mutating func watchTellsPresentNodesThenChanges() throws {
        let question = try #require(names.service("greeter"))
        #expect(browser.watch(["greeter"], all: false, now: start) == [.ask(question)])
        #expect(receive(try announcement(record()), at: start) == [.up(record())])
        #expect(!browser.knows("greeter"))
        #expect(run(until: start + .milliseconds(100)).map(\.effect) == [.synced("greeter")])
        #expect(browser.knows("greeter"))
        let later = start + .milliseconds(600)
        #expect(receive(try announcement(record()), at: later).isEmpty)
        #expect(receive(try announcement(record(port: 9)), at: later) == [.up(record(port: 9))])
        #expect(receive(try announcement(record("other")), at: later).isEmpty)
        #expect(
            receive(try announcement(record(port: 9), timeToLive: 0), at: later) == [.down(record().keys[0])])
        #expect(receive(try announcement(record(port: 9), timeToLive: 0), at: later).isEmpty)
        // It can come again.
        #expect(receive(try announcement(record()), at: later) == [.up(record())])
    }

    @Test mutating func asksForAllThatIsWantedWhenTheNetworkHasChanged() throws {
        _ = browser.watch(["greeter"], all: true, now: start)
        _ = browser.lookUp("other", caller: 1, now: start)
        // By then a watch asks once a minute only.
        let later = start + .seconds(300)
        _ = run(until: later)
        _ = browser.lookUp("other", caller: 2, now: later)
        let asked = Set(browser.askAgain(now: later))
        let wanted = [names.service("greeter"), names.service("other"), names.listing].compactMap(\.self)
        #expect(asked == Set(wanted.map(Browser.Effect.ask)))
        // And then at short intervals again.
        let next = run(until: later + .seconds(2)).map(\.effect)
        #expect(try next.contains(.ask(#require(names.service("greeter")))))
    }

    @Test mutating func watchAsksAgainAndAgain() throws {
        let question = try #require(names.service("greeter"))
        _ = browser.watch(["greeter"], all: false, now: start)
        let asked = run(until: start + .seconds(300)).filter { $0.effect == .ask(question) }.map(\.at)
        // In the middle of the search, then about every 1, 2, 4, ... 60 seconds.
        #expect(asked.first == .milliseconds(50))
        let gaps = zip(asked.dropFirst(2), asked.dropFirst()).map { $0 - $1 }
        for (gap, wanted) in zip(gaps, [2, 4, 8, 16, 32, 60, 60].map(TimeAmount.seconds)) {
            #expect(gap >= wanted && gap <= wanted + .nanoseconds(wanted.nanoseconds / 10))
        }
        #expect(gaps.count >= 7)
        _ = browser.watch([], all: false, now: start + .seconds(300))
        #expect(browser.deadline == nil)
    }

    @Test mutating func nodesExpireAndAreAskedForBefore() throws {
        let question = try #require(names.service("greeter"))
        _ = browser.watch(["greeter"], all: false, now: start)
        _ = receive(try announcement(record(), timeToLive: 10), at: start)
        let effects = run(until: start + .seconds(12))
        let asked = effects.filter { $0.effect == .ask(question) }.map(\.at)
        for point in [8000, 9000, 9500] as [Int64] { #expect(asked.contains(.milliseconds(point))) }
        #expect(effects.last { $0.effect == .down(record().keys[0]) }?.at == .seconds(10))
        #expect(effects.filter { $0.effect == .down(record().keys[0]) }.count == 1)
    }

    @Test mutating func answersKeepNodesAlive() throws {
        _ = browser.watch(["greeter"], all: false, now: start)
        for second in stride(from: 0, to: 50, by: 9) as StrideTo<Int64> {
            _ = receive(try announcement(record(), timeToLive: 10), at: start + .seconds(second))
            #expect(
                !run(until: start + .seconds(second + 8)).contains { $0.effect == .down(record().keys[0]) })
        }
        // Nobody is believed for longer than an hour.
        _ = receive(try announcement(record(), timeToLive: .max), at: start + .seconds(60))
        #expect(run(until: start + .seconds(3660)).last { $0.effect == .down(record().keys[0]) } != nil)
    }

    @Test mutating func olderPacketsOfOtherSocketsAreNotBelieved() throws {
        _ = browser.watch(["greeter"], all: false, now: start)
        let question = try #require(names.service("greeter"))
        _ = receive(try announcement(record()), at: start)
        _ = run(until: start + .seconds(2))
        let change = start + .seconds(2)
        #expect(receive(try announcement(record(port: 9)), at: change) == [.up(record(port: 9))])
        #expect(receive(try announcement(record()), from: otherSocket, at: change).isEmpty)
        #expect(receive(try announcement(record(port: 9)), from: otherSocket, at: change).isEmpty)
        // The service is asked again; what it says then counts.
        let asked = run(until: change + .milliseconds(500)).filter { $0.effect == .ask(question) }
        #expect(asked.map(\.at).contains(.milliseconds(2500)))
        #expect(
            receive(try announcement(record()), from: otherSocket, at: change + .seconds(1)) == [
                .up(record())
            ])
    }

    @Test mutating func aNodeThatHasGoneStaysGone() throws {
        _ = browser.watch(["greeter"], all: false, now: start)
        _ = receive(try announcement(record()), at: start)
        let later = start + .seconds(1)
        #expect(receive(try announcement(record(), timeToLive: 0), at: later) == [.down(record().keys[0])])
        // A reply that was under way, and then the same goodbye.
        #expect(receive(try announcement(record()), from: otherSocket, at: later).isEmpty)
        #expect(receive(try announcement(record(), timeToLive: 0), from: otherSocket, at: later).isEmpty)
        #expect(!browser.knows("greeter"))
        // Our own node that has gone: no echo brings it back.
        browser.evict(record(node: "own").keys[0], now: later)
        #expect(receive(try announcement(record(node: "own")), at: later).isEmpty)
    }

    @Test mutating func aDoubtfulGoodbyeLeavesTheNodeAChanceToAnswer() throws {
        _ = browser.watch(["greeter"], all: false, now: start)
        _ = receive(try announcement(record()), at: start)
        #expect(receive(try announcement(record(), timeToLive: 0), from: otherSocket, at: start).isEmpty)
        var silent = self
        #expect(silent.run(until: start + .seconds(5)).contains { $0.effect == .down(record().keys[0]) })
        _ = receive(try announcement(record()), at: start + .milliseconds(510))
        #expect(!run(until: start + .seconds(5)).contains { $0.effect == .down(record().keys[0]) })
    }

    @Test mutating func ownNodesAreNotLearntFromOthers() throws {
        _ = browser.watch(["greeter"], all: false, now: start)
        let echo = try announcement(record())
        let key = record().keys[0]
        let isOwn = { (other: NodeKey) in other == key }
        let effects = browser.receive(echo, from: socket, sender: "10.0.0.1", now: start, isOwn: isOwn)
        #expect(effects.isEmpty && browser.readTexts(at: start, isOwn: isOwn).isEmpty)
        #expect(browser.receive(echo, from: socket, sender: "10.0.0.1", now: start, isOwn: isOwn).isEmpty)
    }

    @Test mutating func watchingAllFindsServicesAndTheirNodes() throws {
        #expect(browser.watch([], all: true, now: start) == [.ask(names.listing)])
        let broker = try #require(names.service("micro.http.broker"))
        #expect(receive(try DNSMessage(decoding: Captures.brokerListing), at: start) == [.ask(broker)])
        // A service that only announces itself is found as well.
        let greeter = try #require(names.service("greeter"))
        #expect(receive(try announcement(record()), at: start) == [.ask(greeter), .up(record())])
        let effects = run(until: start + .milliseconds(200)).map(\.effect)
        let synced = effects.filter { if case .synced = $0 { true } else { false } }
        #expect(synced.last == .synced(nil) && synced.count == 3)
        #expect(browser.knows("greeter"))
        // Nobody watches any more: nothing is kept or asked.
        _ = browser.watch([], all: false, now: start + .seconds(1))
        #expect(!browser.knows("greeter") && run(until: start + .seconds(100)).isEmpty)
    }

    @Test mutating func theCacheIsBounded() throws {
        browser = Browser(
            names: names, limit: .milliseconds(100), quiet: .milliseconds(25),
            cacheLimits: NodeCache.Limits(nodes: 3, size: 1 << 20))
        _ = browser.watch(["greeter"], all: false, now: start)
        let ups = try (0..<5).flatMap { receive(try announcement(record(node: "\($0)")), at: start) }
        #expect(ups.count == 3)
        browser = Browser(
            names: names, limit: .milliseconds(100), quiet: .milliseconds(25),
            cacheLimits: NodeCache.Limits(nodes: 100, size: 2 * record().approximateSize + 10))
        _ = browser.watch(["greeter"], all: false, now: start)
        let fit = try (0..<5).flatMap { receive(try announcement(record(node: "\($0)")), at: start) }
        #expect(fit.count == 2)
    }
}

extension Browser.Effect {
    /// Whether a caller is answered.
    var isFound: Bool { if case .found = self { true } else { false } }
}

extension Browser {
    /// Reads all texts that wait, in no time.
    mutating func readTexts(
        at now: NIODeadline, isOwn: (NodeKey) -> Bool = { _ in false }
    ) -> [Effect] {
        var effects: [Effect] = []
        while true {
            let (text, others) = nextText(now: now, isOwn: isOwn)
            effects += others
            guard let (job, limit) = text else { return effects }
            let reading = TextReading(job.announcement.content.text, limit: limit)
            effects += finish(reading, limit: limit, now: now, isOwn: isOwn)
        }
    }
}
