import Logging
import MicroCore
import MicroDNS
import MicroInterfaces
import MicroPluginKit
import NIOCore
import Testing

@testable import MicroRegistryMDNS

/// Whom we believe: RFC 6762, section 11.
@Suite(.timeLimit(.minutes(2))) struct SourceTests {
    private static let question = DNSName("greeter.micro") ?? DNSName()

    @Test(
        arguments: [
            ("192.168.77.200", true), ("192.168.78.1", false), ("169.254.7.7", true), ("10.9.0.1", true),
            ("10.9.0.2", false), ("127.0.0.1", false), ("fe80::1", true), ("fd00::7", true),
            ("fd01::7", false),
            ("172.31.255.1", true), ("172.32.0.1", false),
        ])
    func addressesOfTheLinkAreKnown(text: String, isOnLink: Bool) throws {
        let addresses: [([UInt8], Int)] = [
            ([192, 168, 77, 1], 24), ([172, 16, 0, 1], 12), ([0xFD] + [UInt8](repeating: 0, count: 15), 64),
            ([10, 9, 0, 9], 32),
        ]
        let ours = addresses.compactMap {
            InterfaceAddress(interface: "eth0", bytes: $0.0, prefixLength: $0.1)
        }
        let onLink = OnLinkAddresses(ours, peers: [IPAddress("10.9.0.1")].compactMap(\.self))
        #expect(onLink.contains(try #require(IPAddress(text))) == isOnLink)
    }

    private func announcement(of service: String) throws -> DNSMessage {
        let names = try #require(ServiceNames(domain: "micro"))
        let record = Network.record(service)
        let instance = try OwnInstance(
            record, node: record.nodes[0], names: names, host: try #require(DNSName("vm")))
        return try DNSMessage(decoding: instance.announcement)
    }

    @Test func onlyAnswersToQuestionsAreLeftOfAMessage() throws {
        var now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
        var asked = AskedQuestions(lifetime: .seconds(5))
        let wanted = try announcement(of: "greeter")
        var message = wanted
        message.additionals = try announcement(of: "other").answers
        let nothing = asked.answers(in: message, now: now)
        #expect(nothing == nil)
        asked.insert(Self.question, now: now)
        let found = asked.answers(in: message, now: now)
        let answers = try #require(found)
        #expect(answers.answers == wanted.answers)
        #expect(answers.additionals.allSatisfy { $0.type == .a })
        // For as long as an answer may take, and not much longer.
        now = now + .seconds(5)
        let late = asked.answers(in: message, now: now)
        #expect(late != nil)
        now = now + .seconds(5)
        let tooLate = asked.answers(in: message, now: now)
        #expect(tooLate == nil)
    }

    @Test func packetsToOtherInterfacesAndUnaskedAnswersAddNoNodes() async throws {
        let (loopback, other) = (Network.interfaces[0], Network.interfaces[1])
        let all = try NetworkInterface.all()
        let address = try #require(all.first { $0.name == other }?.v4?.address?.ipAddress)
        let directory = RegistryDirectory(isSynced: false)
        let engine = Engine(
            names: try #require(ServiceNames(domain: "micro")), timeout: .milliseconds(200),
            directory: directory, logger: .current)
        await engine.adapt(to: all.filter { $0.name == loopback })
        async let _: Void = engine.readTexts()
        let port = try #require(await engine.links.first?.asker.localAddress?.port)
        let (asked, astray, unasked) = (Network.serviceName(), Network.serviceName(), Network.serviceName())
        // Who watches all services wants to know every node; one that is watched by name is asked for.
        let changes = (directory.watch(nil) {}, directory.watch(asked) {}, directory.watch(astray) {})
        await engine.watchersChanged()
        for (goal, service) in [(address, astray), ("127.0.0.1", unasked), ("127.0.0.1", asked)] {
            try await Script("inject", goal, "\(port)", service).expect("done")
        }
        // The last one came, so the others would have been here as well.
        while directory.lookup(asked).isEmpty { try await Task.sleep(for: .milliseconds(20)) }
        #expect(directory.lookup(astray).isEmpty)
        #expect(directory.lookup(unasked).isEmpty)
        await engine.close()
        withExtendedLifetime(changes) {}
    }
}
