import DNSTestSupport
import MicroCore
import MicroDNS
import NIOCore
import Testing

@testable import MicroRegistryMDNS

@Suite(.timeLimit(.minutes(2))) struct ResponderTests {
    private var responder: Responder
    private let now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    init() throws {
        let names = try #require(ServiceNames(domain: "micro"))
        responder = Responder(names: names, host: try #require(DNSName("vm")))
    }

    private func record(
        _ service: String = "go.micro.srv.greeter", node: String = "a", address: String = "127.0.0.1:8080"
    ) -> ServiceRecord {
        ServiceRecord(
            name: service, version: "1.2.3",
            nodes: [Node(id: "\(service)-\(node)", address: address, metadata: ["protocol": "grpc"])])
    }

    private func ask(
        _ name: String, _ type: DNSType = .ptr, classCode: UInt16 = 1, id: UInt16 = 77
    ) throws -> [DNSMessage] {
        let question = DNSQuestion(name: try #require(DNSName(name)), type: type, classCode: classCode)
        return try responder.answers(to: DNSMessage(id: id, questions: [question])).map {
            try DNSMessage(decoding: $0)
        }
    }

    @Test mutating func answersEachNodeWithAMessageOfItsOwn() throws {
        try responder.register(record(node: "a"), timeToLive: nil, now: now)
        try responder.register(record(node: "b", address: "[fd00::2]:8081"), timeToLive: nil, now: now)
        let query = try DNSMessage(decoding: Captures.query)
        let replies = try responder.answers(to: query).map { try DNSMessage(decoding: $0) }
        #expect(replies.count == 2)
        for reply in replies {
            #expect(reply.id == 0 && reply.flags.rawValue == 0x8400 && reply.questions == query.questions)
            #expect(reply.authorities.isEmpty && reply.additionals.isEmpty)
            #expect(reply.answers.allSatisfy { $0.timeToLive == 120 && $0.classCode == 1 })
        }
        #expect(replies[0].answers.map(\.type) == [.ptr, .srv, .a, .txt])
        #expect(replies[1].answers.map(\.type) == [.ptr, .srv, .aaaa, .txt])
        let name = try #require(DNSName("go.micro.srv.greeter-a.go.micro.srv.greeter.micro"))
        let host = try #require(DNSName("vm"))
        #expect(replies[0].answers[0].data == .pointer(name))
        #expect(
            replies[0].answers[1].data == .server(priority: 10, weight: 1, port: 8080, target: host))
    }

    @Test mutating func listsServicesByteForByteAsGoMicroDoes() throws {
        try responder.register(record("micro.http.broker"), timeToLive: nil, now: now)
        try responder.register(record("micro.http.broker", node: "b"), timeToLive: nil, now: now)
        try responder.register(record("go.micro.srv.mdnscap"), timeToLive: nil, now: now)
        let query = try DNSMessage(decoding: Captures.listQuery)
        #expect(responder.answers(to: query) == [Captures.brokerListing, Captures.greeterListing])
        let types = try ask("_services._dns-sd._udp.micro").map(\.answers[0].data)
        let targets = ["micro.http.broker.micro", "go.micro.srv.mdnscap.micro", "_services.micro"]
        #expect(types == targets.compactMap { DNSName($0).map(DNSRecord.Data.pointer) })
    }

    @Test mutating func answersQuestionsAboutNodesAndTheMachine() throws {
        try responder.register(record(), timeToLive: nil, now: now)
        try responder.register(record(node: "b"), timeToLive: nil, now: now)
        let name = "go.micro.srv.greeter-a.go.micro.srv.greeter.micro"
        let wanted: [(DNSType, [[DNSType]])] = [
            (.srv, [[.srv, .a]]), (.any, [[.srv, .a, .txt]]), (.txt, [[.txt]]), (.a, [[.a]]), (.aaaa, []),
            (.ptr, []),
        ]
        for (type, answers) in wanted {
            #expect(try ask(name, type).map { $0.answers.map(\.type) } == answers, "\(type)")
        }
        #expect(try ask("vm", .a).map { $0.answers.map(\.type) } == [[.a]])
        #expect(try ask("vm", .aaaa).isEmpty)
        #expect(try ask("go.micro.srv.greeter.micro", .any).count == 2)
        #expect(try ask("go.micro.srv.greeter.micro", .srv).isEmpty)
    }

    @Test mutating func keepsToCaseClassAndDirection() throws {
        try responder.register(record(), timeToLive: nil, now: now)
        #expect(try ask("Go.micro.srv.greeter.micro").isEmpty)
        #expect(try ask("go.micro.srv.greeter.local").isEmpty)
        #expect(try ask("go.micro.srv.greeter.micro", classCode: 3).isEmpty)
        let unicast = try ask("go.micro.srv.greeter.micro", classCode: 0x8001)
        #expect(unicast.map(\.id) == [77] && unicast[0].questions[0].classCode == 0x8001)
        // An answer to a response would be answered in turn.
        var query = try DNSMessage(decoding: Captures.query)
        for flags in [0x8000, 0x8400, 0x0800, 0x0003] as [UInt16] {
            query.flags = DNSMessage.Flags(rawValue: flags)
            #expect(responder.answers(to: query).isEmpty, "\(flags)")
        }
        query.flags = DNSMessage.Flags(rawValue: 0x0200)
        #expect(responder.answers(to: query).count == 1)
    }

    @Test mutating func answersEachQuestionOfAPacketOnce() throws {
        try responder.register(record(), timeToLive: nil, now: now)
        var query = try DNSMessage(decoding: Captures.query)
        let answer = try #require(responder.answers(to: query).first)
        query.questions = Array(repeating: query.questions[0], count: 1000)
        #expect(responder.answers(to: query) == [answer])
        // The same in other words: other types, with and without the bit that asks for a unicast answer.
        let node = try #require(DNSName("go.micro.srv.greeter-a.go.micro.srv.greeter.micro"))
        for (name, types) in [
            (query.questions[0].name, [DNSType.ptr, .any]), (node, [.any, .srv, .txt, .a]),
        ] {
            for type in types {
                for classCode: UInt16 in [1, 0x8001, 255] {
                    query.questions.append(DNSQuestion(name: name, type: type, classCode: classCode))
                }
            }
        }
        query.questions.removeFirst(999)
        #expect(responder.answers(to: query) == [answer])
        query.questions.reverse()
        #expect(responder.answers(to: query).reduce(0) { $0 + $1.count } <= 3 * answer.count)
    }

    /// Lets time pass until nothing more is due before an end, and returns what was sent and when.
    private mutating func run(until end: NIODeadline) throws -> [(at: TimeAmount, message: DNSMessage)] {
        var sent: [(TimeAmount, DNSMessage)] = []
        while let due = responder.deadline, due <= end {
            for packet in responder.poll(now: due).packets {
                sent.append((due - now, try DNSMessage(decoding: packet)))
            }
        }
        return sent
    }

    @Test mutating func probesAndAnnouncesANodeThreeTimes() throws {
        try responder.register(record(), timeToLive: nil, now: now)
        let sent = try run(until: now + .seconds(100))
        #expect(sent.count == 6)
        for (_, probe) in sent.prefix(3) {
            #expect(probe.id == 0 && probe.flags == [] && probe.answers.isEmpty)
            #expect(probe.questions.map(\.name.text) == ["go.micro.srv.greeter-a.go.micro.srv.greeter.micro"])
            #expect(probe.questions[0].type == .ptr && probe.questions[0].classCode == 1)
            #expect(probe.authorities.map(\.type) == [.srv, .txt])
            guard case .server(0, 0, 8080, _) = probe.authorities[0].data else {
                Issue.record("The claim is \(probe.authorities[0].data).")
                continue
            }
        }
        for (_, announcement) in sent.suffix(3) {
            #expect(announcement.id == 0 && announcement.flags.rawValue == 0x8000)
            #expect(announcement.questions.isEmpty)
            #expect(announcement.answers.map(\.type) == [.srv, .a, .txt])
            #expect(announcement.answers.allSatisfy { $0.timeToLive == 120 })
        }
        let first = sent[3].at
        #expect(sent[0].at == .zero && first <= .milliseconds(75))
        #expect(sent[4].at - first == .seconds(1) && sent[5].at - first == .seconds(3))
    }

    @Test mutating func announcesChangesAndNothingElse() throws {
        var record = record()
        try responder.register(record, timeToLive: .seconds(60), now: now)
        _ = try run(until: now + .seconds(30))
        try responder.register(record, timeToLive: .seconds(60), now: now + .seconds(30))
        #expect(try run(until: now + .seconds(60)).isEmpty)
        record.nodes[0].metadata?["zone"] = "b"
        try responder.register(record, timeToLive: .seconds(60), now: now + .seconds(60))
        let sent = try run(until: now + .seconds(70))
        #expect(sent.map(\.at) == [60, 61, 63].map(TimeAmount.seconds))
        #expect(sent.allSatisfy { $0.message.questions.isEmpty })
    }

    @Test mutating func takesNodesBack() throws {
        let record = record()
        try responder.register(record, timeToLive: nil, now: now)
        let key = record.keys[0]
        #expect(responder.holds(key))
        let packet = responder.deregister(key)
        let goodbye = try DNSMessage(decoding: try #require(packet))
        #expect(goodbye.flags.rawValue == 0x8000 && goodbye.questions.isEmpty)
        #expect(goodbye.answers.map(\.type) == [.srv, .a, .txt])
        #expect(goodbye.answers.allSatisfy { $0.timeToLive == 0 })
        #expect(responder.deregister(key) == nil && !responder.holds(key) && responder.deadline == nil)
        #expect(try ask("go.micro.srv.greeter.micro").isEmpty)
    }

    @Test mutating func letsNodesGoThatAreNotRenewed() throws {
        try responder.register(record(), timeToLive: .seconds(60), now: now)
        _ = try run(until: now + .seconds(30))
        try responder.register(record(), timeToLive: .seconds(60), now: now + .seconds(30))
        #expect(responder.poll(now: now + .seconds(89)).lapsed.isEmpty)
        let (packets, lapsed) = responder.poll(now: now + .seconds(90))
        #expect(lapsed == record().keys && packets.count == 1)
        #expect(try DNSMessage(decoding: packets[0]).answers.allSatisfy { $0.timeToLive == 0 })
    }

    @Test(arguments: [
        "localhost:1", "127.0.0.1", "127.0.0.1:0", "[::1]", "127.0.0.1:65536", "unix:/tmp/s", "",
    ])
    mutating func refusesAddressesThatTheFormatCannotSay(address: String) throws {
        let error = #expect(throws: MicroError.self) {
            try responder.register(record(address: address), timeToLive: nil, now: now)
        }
        #expect(error?.status == .invalidArgument && error?.detail.contains("IP address") == true)
        #expect(responder.instances.isEmpty)
    }

    @Test mutating func refusesNamesAndSizesThatDoNotFit() throws {
        for service in ["", "a..b", "a.", String(repeating: "x", count: 64)] {
            #expect(throws: MicroError.self, "\(service)") {
                try responder.register(record(service), timeToLive: nil, now: now)
            }
        }
        var generator = SeededGenerator(seed: 1)
        var large = record()
        let noise = (0..<40000).map { _ in String(UInt8.random(in: 33...126, using: &generator), radix: 16) }
        large.nodes[0].metadata?["noise"] = noise.joined()
        large.nodes.insert(Node(id: "fits", address: "127.0.0.1:1"), at: 0)
        let error = #expect(throws: MicroError.self) {
            try responder.register(large, timeToLive: nil, now: now)
        }
        #expect(error?.status == .invalidArgument && error?.detail.contains("at most 65507") == true)
        // All nodes of a record are held, or none.
        #expect(responder.instances.isEmpty)
    }

    @Test func boundsAnswersToASource() {
        var limit = AnswerLimit(maximumBytesPerSource: 300, maximumBytes: 550, maximumSources: 2)
        #expect((0..<4).map { _ in limit.allows(100, to: "a", now: now) } == [true, true, true, false])
        #expect(["b", "c", "b"].map { limit.allows(100, to: $0, now: now) } == [true, false, true])
        // All sources together.
        #expect([100, 50].map { limit.allows($0, to: "b", now: now) } == [false, true])
        #expect([300].map { limit.allows($0, to: "a", now: now + .seconds(1)) } == [true])
    }

    @Test mutating func announcesAgainWhenTheNetworkHasChanged() throws {
        try responder.register(record(), timeToLive: nil, now: now)
        // While a node is probed, its announcements are still to come.
        responder.announceAgain(now: now)
        #expect(try run(until: now + .seconds(30)).count == 6)
        responder.announceAgain(now: now + .seconds(30))
        #expect(try run(until: now + .seconds(60)).map(\.at) == [30, 31, 33].map(TimeAmount.seconds))
    }

    /// One bound for both sides: what is registered is found, with all of its endpoints.
    @Test(arguments: [540, 1000, 1200, 1500, 2000])
    mutating func whatIsRegisteredIsFound(endpoints: Int) throws {
        var large = record()
        large.endpoints = GoMicroShape.endpoints(endpoints)
        do {
            try responder.register(large, timeToLive: nil, now: now)
        } catch {
            #expect(endpoints > 1000, "\(error)")
            #expect(
                error.status == .invalidArgument && error.detail.contains("with \(endpoints) endpoints"))
            #expect(error.detail.contains("MICRO_REGISTRY=etcd"))
            return
        }
        var browser = Browser(names: responder.names, limit: .milliseconds(100), quiet: .milliseconds(25))
        _ = browser.lookUp(large.name, caller: 1, now: now)
        let source = PacketSource(link: 0, isGroup: false)
        for reply in try ask("go.micro.srv.greeter.micro") {
            _ = browser.receive(reply, from: source, sender: "10.0.0.1", now: now) { _ in false }
        }
        _ = browser.readTexts(at: now)
        guard case .found(_, let findings)? = browser.poll(now: now + .seconds(1)).last else {
            Issue.record("The lookup did not end.")
            return
        }
        #expect(findings.records == [large] && !findings.isPartial)
    }

    @Test mutating func refusesVersionsThatReadersRefuse() throws {
        var record = record()
        record.version = String(repeating: "1", count: 255)
        try responder.register(record, timeToLive: nil, now: now)
        record.version += "1"
        let error = #expect(throws: MicroError.self) {
            try responder.register(record, timeToLive: nil, now: now)
        }
        #expect(error?.detail.contains("version of 256 bytes") == true)
    }

    @Test(arguments: [
        "trailing.", "a..b", ".a", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl",
    ])
    mutating func namesThatCannotBeFoundAreRefusedWithTheRemedy(name: String) throws {
        let record = ServiceRecord(
            name: name, nodes: [Node(id: NodeID.make(name: name, unique: "u"), address: "127.0.0.1:1")])
        let error = #expect(throws: MicroError.self) {
            try responder.register(record, timeToLive: nil, now: now)
        }
        #expect(error?.status == .invalidArgument && error?.detail.contains("MICRO_SERVER_NAME") == true)
    }

    @Test mutating func longNamesAreFoundByAShorterID() throws {
        let name = "go.micro.srv.abcdefghijklmnopqrstuvwxyz-reports"
        let id = NodeID.make(name: name, unique: "c86d687e-2d79-488c-84a4-b400c7b01a87")
        let record = ServiceRecord(name: name, nodes: [Node(id: id, address: "127.0.0.1:1")])
        try responder.register(record, timeToLive: nil, now: now)
        let reply = try #require(try ask("\(name).micro").first)
        #expect(reply.answers.first?.data == .pointer(try #require(DNSName("\(id).\(name).micro"))))
        // An id that somebody chose stays as it is, and the error names its variable.
        let chosen = ServiceRecord(name: name, nodes: [Node(id: "\(name)-\(id)", address: "127.0.0.1:1")])
        let error = #expect(throws: MicroError.self) {
            try responder.register(chosen, timeToLive: nil, now: now)
        }
        #expect(error?.detail.contains("MICRO_SERVER_ID") == true)
    }
}
