import DNSTestSupport
import MicroDNS
import Testing

@testable import MicroRegistryMDNS

/// Nodes in packets that are made to do harm.
@Suite(.timeLimit(.minutes(2))) struct HostileNodeTests {
    @Test func looksAtEachNodeOfAPacketOnceAndAtSixtyFour() throws {
        let host = try #require(DNSName("vm")), address = try #require(IPAddress("10.0.0.1"))
        var message = DNSMessage(flags: .response)
        message.answers = [DNSRecord(name: host, timeToLive: 120, data: .address(address))]
        for number in 0..<100 {
            let name = try #require(DNSName("n\(number).a.micro"))
            message.answers.append(DNSRecord(name: name, timeToLive: 120, data: .text([[0x61]])))
            for port: UInt16 in [1, 2] {
                message.answers.append(
                    DNSRecord(
                        name: name, timeToLive: 120,
                        data: .server(priority: 0, weight: 0, port: port, target: host)))
            }
        }
        let announcements = Announcement.all(in: message)
        #expect(announcements.count == 64 && announcements.allSatisfy { $0.content.port == 2 })
    }

    @Test func survivesMutations() throws {
        var generator = SeededGenerator(seed: 0x6D_646E73)
        let names = try #require(ServiceNames(domain: "micro"))
        var understood = 0
        let packets = [
            Captures.query, Captures.brokerListing, Captures.greeterListing, Self.announcement(names),
        ]
        for round in 0..<10000 {
            let packet = generator.mutated(packets[round % packets.count])
            do throws(DNSFormatError) {
                let message = try DNSMessage(decoding: packet)
                for announcement in Announcement.all(in: message) {
                    guard let text = try? TextReading(announcement.content.text).result.get() else {
                        continue
                    }
                    _ = announcement.record(of: text, names: names)
                }
                understood += 1
            } catch {
                continue
            }
        }
        #expect(understood > 100, "The mutations hardly ever leave a packet that can be read.")
    }

    private static func announcement(_ names: ServiceNames) -> [UInt8] {
        guard let name = names.instance("t.m-1", of: "micro.http.broker"), let host = DNSName("vm"),
            let address = IPAddress("::1")
        else { return [0] }
        return DNSMessage(
            flags: .response,
            answers: [
                DNSRecord(
                    name: name, timeToLive: 120,
                    data: .server(priority: 10, weight: 1, port: 46337, target: host)),
                DNSRecord(name: host, timeToLive: 120, data: .address(address)),
                DNSRecord(name: name, timeToLive: 120, data: .text(Captures.brokerText)),
            ]
        ).encoded(compressed: false)
    }
}
