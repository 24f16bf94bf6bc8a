import MicroCore
import MicroDNS
import NIOCore
import Testing

@testable import MicroRegistryMDNS

/// What strangers can make us read, per packet, per sender and second, and per search.
@Suite(.timeLimit(.minutes(2))) struct TextBudgetTests {
    private var browser: Browser
    private let names: ServiceNames
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private let socket = PacketSource(link: 0, isGroup: true)

    init() throws {
        names = try #require(ServiceNames(domain: "micro"))
        browser = Browser(names: names, limit: .milliseconds(100), quiet: .milliseconds(25))
    }

    /// A packet with nodes of the service `a`, each with a text of its own.
    private func packet(_ nodes: Range<Int>, endpoints: Int) throws -> DNSMessage {
        let host = try #require(DNSName("vm"))
        let address = try #require(IPAddress("10.0.0.1"))
        var message = DNSMessage(flags: .response)
        message.answers = [DNSRecord(name: host, timeToLive: 120, data: .address(address))]
        for number in nodes {
            let name = try #require(DNSName("n\(number).a.micro"))
            let list = Array(repeating: "{}", count: endpoints).joined(separator: ",")
            let json =
                #"{"Service":"a","Version":"1","Metadata":{"n":"\#(number)"},"Endpoints":[\#(list)]}"#
            let strings = try #require(ServiceTXT.strings(Array(json.utf8)))
            message.answers.append(
                DNSRecord(
                    name: name, timeToLive: 120,
                    data: .server(priority: 0, weight: 0, port: 80, target: host)))
            message.answers.append(DNSRecord(name: name, timeToLive: 120, data: .text(strings)))
        }
        return message
    }

    /// Takes a packet, and returns the effects and what reading its texts has cost.
    private mutating func receive(
        _ message: DNSMessage, from sender: String = "10.0.0.1", at now: NIODeadline
    ) -> (effects: [Browser.Effect], cost: TextCost) {
        var effects = browser.receive(message, from: socket, sender: sender, now: now) { _ in false }
        var cost = TextCost()
        while true {
            let (text, others) = browser.nextText(now: now) { _ in false }
            effects += others
            guard let (job, limit) = text else { return (effects, cost) }
            let reading = TextReading(job.announcement.content.text, limit: limit)
            cost = cost + reading.cost
            effects += browser.finish(reading, limit: limit, now: now) { _ in false }
        }
    }

    private func ups(_ effects: [Browser.Effect]) -> Int {
        effects.count { if case .up = $0 { true } else { false } }
    }

    @Test mutating func aPacketCostsNoMoreThanOneNode() throws {
        _ = browser.watch(["a"], all: false, now: start)
        // Each keeps to the limit of a node, all together are far beyond it.
        let (effects, cost) = receive(try packet(0..<28, endpoints: 60_000), at: start)
        #expect(!cost.exceeds(.node))
        #expect(ups(effects) == 1)
        #expect(effects.contains(.leftOut(sender: "10.0.0.1")))
        // Many small nodes in a packet are no problem.
        let (others, _) = receive(try packet(100..<150, endpoints: 10), at: start)
        #expect(ups(others) == 50)
    }

    @Test mutating func aSenderAndAllOfThemHaveABudgetForEachSecond() throws {
        _ = browser.watch(["a"], all: false, now: start)
        var number = 0
        func spend(_ sender: String, at now: NIODeadline, packets: Int) throws -> Int {
            var elements = 0
            for _ in 0..<packets {
                elements +=
                    receive(try packet(number..<number + 1, endpoints: 60_000), from: sender, at: now).cost
                    .elements
                number += 1
            }
            return elements
        }
        let limits = TextBudget.Limits()
        let first = try spend("10.0.0.1", at: start, packets: 12)
        #expect(first <= limits.source.elements && first > limits.source.elements * 3 / 4)
        // Others still have theirs, up to the budget of all.
        let second = try spend("10.0.0.2", at: start, packets: 12)
        #expect(second > limits.source.elements * 3 / 4)
        let third = try spend("10.0.0.3", at: start, packets: 12)
        #expect(first + second + third <= limits.total.elements)
        // A second later it begins anew.
        #expect(try spend("10.0.0.1", at: start + .seconds(1), packets: 1) > 60_000)
    }

    /// Two texts that are known already, one after the other, cost those who watch.
    @Test mutating func changesToKnownTextsAreBoundedAsWell() throws {
        _ = browser.watch(["a"], all: false, now: start)
        var changes = 0
        let texts = [try packet(0..<1, endpoints: 60_000), try packet(0..<1, endpoints: 60_001)]
        for round in 0..<1000 { changes += ups(receive(texts[round % 2], at: start).effects) }
        #expect(changes > 2 && changes <= 10)
    }

    /// Nobody can make known nodes expire by sending so much that theirs isn't read any more.
    @Test mutating func knownNodesAreRenewedAndGoDuringAFlood() throws {
        _ = browser.watch(["a"], all: false, now: start)
        let honest = try packet(0..<1, endpoints: 1)
        #expect(ups(receive(honest, at: start).effects) == 1)
        _ = browser.poll(now: start + .seconds(1))
        // So many other texts that the honest one is forgotten, and the budget is spent.
        for number in 0..<70 {
            let first = 1 + number * 60
            _ = receive(try packet(first..<first + 60, endpoints: 20), at: start + .seconds(100))
        }
        for number in 0..<40 {
            let node = 10_000 + number
            _ = receive(
                try packet(node..<node + 1, endpoints: 60_000), from: "10.0.1.\(number)",
                at: start + .seconds(100))
        }
        let (effects, cost) = receive(honest, from: "10.0.0.7", at: start + .seconds(100))
        #expect(effects.isEmpty && cost == TextCost())
        let key = NodeKey(service: "a", version: "1", id: "n0")
        #expect(!browser.poll(now: start + .seconds(200)).contains(.down(key)))
        var goodbye = honest
        for position in goodbye.answers.indices { goodbye.answers[position].timeToLive = 0 }
        #expect(receive(goodbye, at: start + .seconds(201)).effects == [.down(key)])
    }

    @Test mutating func theSameTextIsReadOnce() throws {
        _ = browser.watch(["a"], all: false, now: start)
        let message = try packet(0..<1, endpoints: 100)
        #expect(receive(message, at: start).cost.elements > 100)
        #expect(receive(message, from: "10.0.0.2", at: start).cost == TextCost())
    }

    @Test mutating func theQueueIsBoundedAndKeepsTheOrder() throws {
        browser = Browser(
            names: names, limit: .milliseconds(100), quiet: .milliseconds(25),
            queueLimits: TextQueue.Limits(count: 3, size: 1 << 20, senderSize: 1 << 20))
        _ = browser.watch(["a"], all: false, now: start)
        let known = try packet(0..<1, endpoints: 1)
        _ = receive(known, at: start)
        // A new text of the node waits, so what is said of it behind that waits as well.
        let changed = try packet(0..<1, endpoints: 2)
        for message in [changed, known] {
            #expect(browser.receive(message, from: socket, sender: "", now: start) { _ in false }.isEmpty)
        }
        let late = try packet(1..<4, endpoints: 1)
        let dropped = browser.receive(late, from: socket, sender: "10.0.0.9", now: start) { _ in false }
        #expect(dropped == [.leftOut(sender: "10.0.0.9"), .leftOut(sender: "10.0.0.9")])
        let counts = browser.readTexts(at: start).compactMap { effect in
            if case .up(let record) = effect { record.endpoints?.count } else { nil }
        }
        #expect(counts == [2, 1, 1])
    }

    @Test mutating func aSenderCannotFillTheQueue() throws {
        browser = Browser(
            names: names, limit: .milliseconds(100), quiet: .milliseconds(25),
            queueLimits: TextQueue.Limits(count: 100, size: 1 << 20, senderSize: 1500))
        _ = browser.watch(["a"], all: false, now: start)
        let many = browser.receive(
            try packet(0..<20, endpoints: 1), from: socket, sender: "b", now: start
        ) {
            _ in
            false
        }
        #expect(!many.isEmpty)
        let one = browser.receive(
            try packet(20..<21, endpoints: 1), from: socket, sender: "c", now: start
        ) {
            _ in
            false
        }
        #expect(one.isEmpty)
    }

    @Test mutating func aSearchIsBoundedAndSaysThatItIsPartial() throws {
        _ = browser.lookUp("a", caller: 1, now: start)
        // As fast as the budgets allow.
        var now = start
        for number in 0..<40 {
            _ = receive(
                try packet(number..<number + 1, endpoints: 60_000), from: "10.0.0.\(number)", at: now)
            now = now + .milliseconds(number % 16 == 15 ? 1000 : 0)
        }
        var found: Searches.Findings?
        for effect in browser.poll(now: now) {
            if case .found(_, let findings) = effect { found = findings }
        }
        let findings = try #require(found)
        let elements = findings.records.reduce(0) { $0 + ($1.endpoints?.count ?? 0) }
        #expect(elements <= 1 << 20 && elements > 1 << 19)
        #expect(findings.isPartial)
    }
}
