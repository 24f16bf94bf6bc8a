import DNSTestSupport
import MicroDNS
import Testing

/// The codec against bytes that go-micro has sent.
@Suite(.timeLimit(.minutes(2))) struct DNSMessageTests {
    private let host = DNSName("vm")

    @Test func readsAndWritesQueriesAsGoMicroDoes() throws {
        let query = try DNSMessage(decoding: Captures.query)
        #expect(query.id == 0xF3FA && query.flags == [])
        #expect(query.questions.map(\.name.text) == ["go.micro.srv.greeter.micro"])
        #expect(query.questions.map(\.type) == [.ptr])
        #expect(query.encoded(compressed: true) == Captures.query)
        let list = try DNSMessage(decoding: Captures.listQuery)
        #expect(list.encoded(compressed: true) == Captures.listQuery)
    }

    @Test(arguments: [Captures.brokerListing, Captures.greeterListing])
    func readsAndWritesRepliesAsGoMicroDoes(packet: [UInt8]) throws {
        let reply = try DNSMessage(decoding: packet)
        #expect(reply.flags == [.response, .authoritative])
        #expect(reply.answers.map(\.type) == [.ptr, .srv, .a, .txt])
        #expect(reply.answers.allSatisfy { $0.timeToLive == 120 && $0.classCode == DNSRecord.internet })
        #expect(reply.answers[3].data == .text([]))
        #expect(reply.encoded(compressed: true) == packet)
    }

    @Test func sizesOfANodesPacketsAreGoMicros() throws {
        let id = "go.micro.srv.mdnscap-fixed-id-1"
        let service = try #require(DNSName("go.micro.srv.mdnscap.micro"))
        let instance = try #require(DNSName(id)?.under(service))
        let host = try #require(host)
        let local = try #require(IPAddress("127.0.0.1"))
        let described = [
            DNSRecord(
                name: instance, timeToLive: 120,
                data: .server(priority: 10, weight: 1, port: 19401, target: host)),
            DNSRecord(name: host, timeToLive: 120, data: .address(local)),
            DNSRecord(name: instance, timeToLive: 120, data: .text(Captures.greeterText)),
        ]
        let announcement = DNSMessage(flags: .response, answers: described)
        #expect(announcement.encoded(compressed: false).count == 1455)
        let reply = DNSMessage(
            flags: [.response, .authoritative], questions: [DNSQuestion(name: service, type: .ptr)],
            answers: [DNSRecord(name: service, timeToLive: 120, data: .pointer(instance))] + described)
        #expect(reply.encoded(compressed: true).count == 1415)
        #expect(try DNSMessage(decoding: reply.encoded(compressed: true)) == reply)
        let probe = DNSMessage(
            questions: [DNSQuestion(name: instance, type: .ptr)], authorities: [described[0], described[2]])
        #expect(probe.encoded(compressed: false).count == 1501)
    }

    @Test func roundTripsEachTypeWithAndWithoutCompression() throws {
        let name = try #require(DNSName("node.greeter.micro"))
        let parent = try #require(DNSName("greeter.micro"))
        let v6 = try #require(IPAddress("fd00::2"))
        let message = DNSMessage(
            id: 7, flags: [.response],
            questions: [DNSQuestion(name: parent, type: .any, classCode: 0x8001)],
            answers: [
                DNSRecord(name: parent, timeToLive: 1, data: .pointer(name)),
                DNSRecord(
                    name: name, timeToLive: .max, data: .server(priority: 1, weight: 2, port: 3, target: name)
                ),
                DNSRecord(name: name, classCode: 0x8001, timeToLive: 0, data: .address(v6)),
            ],
            authorities: [DNSRecord(name: name, timeToLive: 2, data: .text([[], [1, 2, 3]]))],
            additionals: [DNSRecord(name: DNSName(), timeToLive: 2, data: .text([]))])
        for compressed in [true, false] {
            #expect(try DNSMessage(decoding: message.encoded(compressed: compressed)) == message)
        }
        #expect(message.encoded(compressed: true).count < message.encoded(compressed: false).count)
        #expect(message.questions[0].wantsUnicast && message.questions[0].isInternet)
    }

    @Test func skipsRecordsOfOtherTypes() throws {
        var packet = Captures.brokerListing
        // The text record's type becomes that of a pointer to a name server.
        let position = packet.count - 10
        #expect(packet[position..<(position + 2)] == [0, 16])
        packet[position + 1] = 2
        #expect(try DNSMessage(decoding: packet).answers.map(\.type) == [.ptr, .srv, .a])
    }
}
