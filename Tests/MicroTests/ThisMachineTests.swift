import MicroCore
import Testing

@testable import MicroInterfaces

@Suite("Which callers are on this machine", .timeLimit(.minutes(2)))
struct ThisMachineTests {
    @Test("loopback is", arguments: ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
    func loopback(_ host: String) { #expect(ThisMachine.has(host, interfaces: [])) }

    @Test("the machine's own addresses are, also as mapped ones")
    func own() throws {
        for own in InterfaceAddress.listed where !own.isLinkLocal {
            for host in own.isIPv6 ? [own.text] : [own.text, "::ffff:\(own.text)"] {
                #expect(ThisMachine.has(host), "\(host)")
            }
        }
        let made = InterfaceAddress(interface: "eth0", bytes: [10, 0, 0, 7])
        let own = [try #require(made)]
        #expect(
            ThisMachine.has("10.0.0.7", interfaces: own)
                && ThisMachine.has("::ffff:10.0.0.7", interfaces: own))
        #expect(!ThisMachine.has("10.0.0.8", interfaces: own))
    }

    @Test("a link-local address may be another machine's")
    func linkLocal() throws {
        let ipv6 = InterfaceAddress(
            interface: "eth0", bytes: [0xFE, 0x80] + [UInt8](repeating: 0, count: 13) + [1])
        let ipv4 = InterfaceAddress(interface: "eth0", bytes: [169, 254, 1, 1])
        let own = [try #require(ipv6), try #require(ipv4)]
        for address in own { #expect(!ThisMachine.has(address.text, interfaces: own)) }
    }

    @Test(
        "others are not",
        arguments: [
            "192.0.2.1", "::ffff:192.0.2.1", "127.0.0.1.evil.example", "localhost", "unknown", "", "fe80::1",
            "1127.0.0.1",
        ])
    func others(_ host: String) { #expect(!ThisMachine.has(host)) }
}
