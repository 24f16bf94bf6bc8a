import Foundation
import MicroTestSupport
import MicroTesting
import Testing

@testable import MicroDNS

/// A resolver, and a server that the test plays.
@Suite(.timeLimit(.minutes(1))) struct ResolverTests {
    private static let nobody = DNSAuthority(
        primary: DNSName(), mailbox: DNSName(), serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 30)

    private static func name(_ text: String) -> DNSName { DNSName(text) ?? DNSName() }

    private static func record(_ name: String, _ seconds: UInt32, _ data: DNSRecord.Data) -> DNSRecord {
        DNSRecord(name: Self.name(name), timeToLive: seconds, data: data)
    }

    private static func address(_ name: String, _ seconds: UInt32, _ text: String) -> DNSRecord {
        record(name, seconds, IPAddress(text).map { .address($0) } ?? .text([]))
    }

    /// Returns an answer to a question, with the records of its type.
    private static func answer(
        _ asked: DNSStub.Asked, code: UInt16 = 0, _ records: [DNSRecord] = [], authorities: [DNSRecord] = [],
        flags: DNSMessage.Flags = []
    ) -> [UInt8] {
        let wanted = asked.message.questions.first?.type
        let flags = flags.union([.response, DNSMessage.Flags(rawValue: code)])
        return DNSMessage(
            id: asked.message.id, flags: flags, questions: asked.message.questions,
            answers: records.filter { $0.type == wanted || $0.type == .cname }, authorities: authorities
        ).encoded(compressed: true)
    }

    @Test func tellsAddressesOfBothFamiliesAndForHowLongTheyHold() async throws {
        let script: DNSStub.Script = { asked in
            [
                Self.answer(
                    asked,
                    [
                        Self.address("DB.example", 300, "192.0.2.1"),
                        Self.address("db.example", 200, "192.0.2.2"),
                        Self.address("db.example", 100, "2001:db8::1"), Self.address("other", 1, "192.0.2.9"),
                    ])
            ]
        }
        try await DNSStub.run(script) { resolver, stub in
            let answer = try await resolver.addresses(of: "db.EXAMPLE")
            #expect(answer.values.map(\.text) == ["192.0.2.1", "192.0.2.2", "2001:db8::1"])
            #expect(answer.timeToLive == .seconds(100) && answer.nameExists)
            #expect(answer.canonicalName.text == "db.example")
            #expect(Set(stub.asked.compactMap(\.message.questions.first?.type)) == [.a, .aaaa])
            for asked in stub.asked {
                #expect(asked.message.flags == .recursionDesired && !asked.overTCP)
                let options = asked.message.additionals.first
                #expect(options?.type == .opt && options?.classCode == 1232)
            }
            // Numbers and ports that nobody can guess.
            for _ in 0..<4 { _ = try await resolver.addresses(of: "db.example") }
            #expect(Set(stub.asked.map(\.message.id)).count > 5 && Set(stub.asked.map(\.port)).count > 5)
        }
    }

    @Test func tellsServicesInTheOrderOfTheirPriorities() async throws {
        let places: [(UInt16, UInt16, String)] = [
            (20, 0, "c.example"), (10, 1, "b.example"), (10, 9, "a.example"),
        ]
        let script: DNSStub.Script = { asked in
            guard asked.message.questions.first?.name.text != "_none._tcp.example" else {
                let none = DNSRecord.Data.server(priority: 0, weight: 0, port: 0, target: DNSName())
                return [Self.answer(asked, [Self.record("_none._tcp.example", 60, none)])]
            }
            return [
                Self.answer(
                    asked,
                    places.map { priority, weight, target in
                        Self.record(
                            "_grpc._tcp.example", 60,
                            .server(priority: priority, weight: weight, port: 80, target: Self.name(target)))
                    })
            ]
        }
        try await DNSStub.run(script) { resolver, _ in
            let answer = try await resolver.services(of: "_grpc._tcp.example")
            #expect(answer.values.map(\.target.text) == ["a.example", "b.example", "c.example"])
            #expect(answer.timeToLive == .seconds(60))
            let none = try await resolver.services(of: "_none._tcp.example")
            #expect(none.values.isEmpty && none.nameExists)
        }
    }

    @Test func followsAliasesInOneAnswerAndOverSeveral() async throws {
        let script: DNSStub.Script = { asked in
            switch asked.message.questions.first?.name.text {
            case "www.example":
                [
                    Self.answer(
                        asked,
                        [
                            Self.record("b.example", 50, .alias(Self.name("C.example"))),
                            Self.record("www.example", 90, .alias(Self.name("b.example"))),
                        ])
                ]
            default: [Self.answer(asked, [Self.address("c.example", 70, "192.0.2.1")])]
            }
        }
        try await DNSStub.run(script) { resolver, _ in
            let answer = try await resolver.addresses(of: "www.example")
            #expect(answer.values.map(\.text) == ["192.0.2.1"] && answer.canonicalName.text == "c.example")
            #expect(answer.timeToLive == .seconds(50))
        }
    }

    @Test func givesUpAliasesThatNeverEnd() async throws {
        // A circle in one answer, and a chain of which each answer has one.
        let circle: DNSStub.Script = { asked in
            [
                Self.answer(
                    asked,
                    [
                        Self.record("a.example", 50, .alias(Self.name("b.example"))),
                        Self.record("b.example", 50, .alias(Self.name("a.example"))),
                    ])
            ]
        }
        let chain: DNSStub.Script = { asked in
            let name = asked.message.questions.first?.name.text ?? ""
            return [Self.answer(asked, [Self.record(name, 50, .alias(Self.name("x.\(name)")))])]
        }
        for script in [circle, chain] {
            try await DNSStub.run(script) { resolver, stub in
                let error = await #expect(throws: DNSError.self) {
                    try await resolver.services(of: "a.example")
                }
                #expect(error?.code == .invalidAnswer && stub.asked.count <= 9)
            }
        }
    }

    @Test func tellsForHowLongThereIsNothing() async throws {
        let script: DNSStub.Script = { asked in
            let zone = Self.record("example", 3600, .authority(Self.nobody))
            return switch asked.message.questions.first?.name.text {
            case "gone.example": [Self.answer(asked, code: 3, authorities: [zone])]
            case "bare.example": [Self.answer(asked, authorities: [zone])]
            default: [Self.answer(asked, code: 3)]
            }
        }
        try await DNSStub.run(script) { resolver, _ in
            let gone = try await resolver.addresses(of: "gone.example")
            #expect(gone.values.isEmpty && !gone.nameExists && gone.timeToLive == .seconds(30))
            let bare = try await resolver.addresses(of: "bare.example")
            #expect(bare.values.isEmpty && bare.nameExists && bare.timeToLive == .seconds(30))
            // Nothing says for how long.
            let silent = try await resolver.addresses(of: "silent.example")
            #expect(silent.values.isEmpty && silent.timeToLive == .zero)
        }
    }

    @Test func looksInDomains() async throws {
        let script: DNSStub.Script = { asked in
            guard asked.message.questions.first?.name.text == "db.two.example" else {
                return [Self.answer(asked, code: 3)]
            }
            return [Self.answer(asked, [Self.address("db.two.example", 60, "192.0.2.1")])]
        }
        try await DNSStub.run(domains: ["one.example", "two.example"], script) { resolver, stub in
            let answer = try await resolver.addresses(of: "db")
            #expect(answer.values.map(\.text) == ["192.0.2.1"])
            #expect(answer.canonicalName.text == "db.two.example")
            let nothing = try await resolver.addresses(of: "db.")
            #expect(!nothing.nameExists)
            #expect(stub.asked.last?.message.questions.first?.name.text == "db")
        }
    }

    @Test func fetchesWhatWasCutOverTCP() async throws {
        let many = (0..<200).map { Self.address("many.example", 60, "192.0.2.\($0)") }
        let script: DNSStub.Script = { asked in
            [asked.overTCP ? Self.answer(asked, many) : Self.answer(asked, [many[0]], flags: .truncated)]
        }
        try await DNSStub.run(script) { resolver, stub in
            let answer = try await resolver.addresses(of: "many.example")
            #expect(answer.values.count == 200)
            #expect(stub.asked.filter(\.overTCP).count == 2)
        }
    }

    @Test func takesNoAnswerToAnotherQuestion() async throws {
        let script: DNSStub.Script = { asked in
            let right = Self.answer(asked, [Self.address("db.example", 60, "192.0.2.1")])
            var otherID = asked.message
            otherID.id &+= 1
            var otherName = asked.message
            otherName.questions = [DNSQuestion(name: Self.name("evil.example"), type: .a)]
            let wrong = [otherID, otherName].map { message in
                let forged = DNSStub.Asked(message: message, overTCP: false, port: 0)
                return Self.answer(forged, [Self.address("db.example", 60, "203.0.113.66")])
            }
            // A question isn't an answer, and noise isn't either.
            return wrong + [asked.message.encoded(compressed: true), [], [1, 2, 3], right]
        }
        try await DNSStub.run(script) { resolver, _ in
            let answer = try await resolver.addresses(of: "db.example")
            #expect(answer.values.map(\.text) == ["192.0.2.1"])
        }
        // Somebody who guesses is heard only so long.
        let flood: DNSStub.Script = { asked in
            (0..<100).map { number in
                var message = asked.message
                message.id = asked.message.id &+ 1 &+ UInt16(number)
                return Self.answer(DNSStub.Asked(message: message, overTCP: false, port: 0))
            }
        }
        try await DNSStub.run(flood) { resolver, _ in
            let error = await #expect(throws: DNSError.self) { try await resolver.services(of: "db.example") }
            #expect(error?.code == .invalidAnswer)
        }
    }

    @Test func asksTheNextServerAndAgain() async throws {
        let failing = DNSStub { [Self.answer($0, code: 2)] }
        let silent = DNSStub { _ in [] }
        let working = DNSStub { [Self.answer($0, [Self.address("db.example", 60, "192.0.2.1")])] }
        let closed = DNSServer(try #require(IPAddress("127.0.0.1")), port: UInt16(try FreePort.tcp()))
        try await failing.serve { first in
            try await silent.serve { second in
                try await working.serve { third in
                    let clock = ManualClock()
                    var configuration = DNSResolver.Configuration(
                        servers: [closed, first, second, third], timeout: .seconds(30))
                    let all = DNSResolver(configuration: configuration, clock: clock)
                    async let answer = all.addresses(of: "db.example")
                    // Both questions, for addresses of either family, have no answer.
                    try await eventually("the silent server is asked") { silent.asked.count == 2 }
                    await clock.waitForSleepers(2)
                    clock.advance(by: .seconds(30))
                    #expect(try await answer.values.map(\.text) == ["192.0.2.1"])
                    configuration.servers = [first]
                    configuration.attempts = 3
                    let resolver = DNSResolver(configuration: configuration)
                    let before = failing.asked.count
                    let failed = await #expect(throws: DNSError.self) {
                        try await resolver.services(of: "db.example")
                    }
                    #expect(failed?.code == .serverFailure && failing.asked.count == before + 3)
                    configuration.servers = [second]
                    let unanswered = DNSResolver(configuration: configuration, clock: clock)
                    async let late = Self.failure(unanswered)
                    for count in 3...5 {
                        try await eventually("it is asked again") { silent.asked.count == count }
                        await clock.waitForSleepers()
                        clock.advance(by: .seconds(30))
                    }
                    #expect(await late == .timeout)
                }
            }
        }
    }

    private static func failure(_ resolver: DNSResolver) async -> DNSError.Code? {
        do throws(DNSError) {
            _ = try await resolver.services(of: "db.example")
            return nil
        } catch {
            return error.code
        }
    }

    @Test func asksWithoutExtensionsWhoDoesNotKnowThem() async throws {
        let script: DNSStub.Script = { asked in
            guard asked.message.additionals.isEmpty else {
                let header = DNSMessage(id: asked.message.id, flags: [.response, .init(rawValue: 1)])
                return [header.encoded(compressed: true)]
            }
            return [Self.answer(asked, [Self.address("db.example", 60, "192.0.2.1")])]
        }
        try await DNSStub.run(script) { resolver, _ in
            let answer = try await resolver.addresses(of: "db.example")
            #expect(answer.values.count == 1)
        }
    }

    @Test func endsWithItsDeadlineAndItsTask() async throws {
        try await DNSStub.run(timeout: .seconds(30), attempts: 5, { _ in [] }) { resolver, stub in
            let late = await #expect(throws: DNSError.self) {
                try await resolver.addresses(of: "db.example", until: .now + .milliseconds(300))
            }
            #expect(late?.code == .timeout)
            let code = await withTaskGroup(of: DNSError.Code?.self) { group in
                group.addTask {
                    do throws(DNSError) {
                        _ = try await resolver.addresses(of: "db.example")
                        return nil
                    } catch {
                        return error.code
                    }
                }
                while stub.asked.count < 4 { try? await Task.sleep(for: .milliseconds(10)) }
                group.cancelAll()
                return await group.next() ?? nil
            }
            #expect(code == .cancelled)
        }
    }

    /// Another program's idea of DNS: dnspython reads our questions strictly, and compresses its answers.
    @Test func understandsAnotherImplementation() async throws {
        let script = """
            import dns.message, dns.rrset, dns.flags, socket
            server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            server.bind(("127.0.0.1", 0))
            print("port", server.getsockname()[1], flush=True)
            while True:
                packet, peer = server.recvfrom(65535)
                query = dns.message.from_wire(packet)
                assert query.edns == 0 and query.payload == 1232 and query.flags & dns.flags.RD
                name, kind = query.question[0].name, query.question[0].rdtype
                answer = dns.message.make_response(query, recursion_available=True)
                alias = dns.rrset.from_text(name, 120, "IN", "CNAME", "web.example.")
                if kind == 1:
                    answer.answer = [alias, dns.rrset.from_text("web.example.", 60, "IN", "A", "192.0.2.1", "192.0.2.2")]
                elif kind == 28:
                    answer.answer = [alias]
                    answer.authority = [dns.rrset.from_text(
                        "example.", 600, "IN", "SOA", "ns.example. admin.example. 1 2 3 4 90")]
                else:
                    answer.answer = [dns.rrset.from_text(name, 40, "IN", "SRV", "1 2 443 web.example.")]
                server.sendto(answer.to_wire(), peer)
            """
        let program = try ForeignProgram("python3", ["-c", script], package: "python3-dnspython")
        try await program.waitForOutput("port ")
        try await program.waitForOutput("\n")
        let port = try #require(program.output.firstMatch(of: /port ([0-9]+)/).flatMap { UInt16($0.1) })
        let server = DNSServer(try #require(IPAddress("127.0.0.1")), port: port)
        let resolver = DNSResolver(configuration: .init(servers: [server]))
        let answer = try await resolver.addresses(of: "www.example")
        #expect(answer.values.map(\.text).sorted() == ["192.0.2.1", "192.0.2.2"])
        #expect(answer.timeToLive == .seconds(60) && answer.canonicalName.text == "web.example")
        let services = try await resolver.services(of: "_https._tcp.example")
        #expect(services.values.map(\.port) == [443] && services.timeToLive == .seconds(40))
        await program.stop()
    }
}
