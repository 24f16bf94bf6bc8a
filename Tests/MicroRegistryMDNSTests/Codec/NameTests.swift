import Testing

@testable import MicroRegistryMDNS

@Suite(.timeLimit(.minutes(2))) struct NameTests {
    @Test func readsNamesWithinTheLimits() {
        #expect(DNSName("a.b.")?.text == "a.b")
        #expect(DNSName("a.b") == DNSName("a.b."))
        #expect(DNSName("A") != DNSName("a"))
        for text in ["", ".", "a..b", ".a", "a..", String(repeating: "x", count: 64)] {
            #expect(DNSName(text) == nil, "\(text)")
        }
        let label = String(repeating: "x", count: 63)
        #expect(
            DNSName([label, label, label, String(repeating: "x", count: 61)].joined(separator: ".")) != nil)
        #expect(
            DNSName([label, label, label, String(repeating: "x", count: 62)].joined(separator: ".")) == nil)
    }

    @Test func takesServicesAndNodesApart() throws {
        let names = try #require(ServiceNames(domain: "micro"))
        let instance = try #require(names.instance("a.b-1.2", of: "a.b"))
        #expect(instance.text == "a.b-1.2.a.b.micro")
        #expect(names.id(of: instance, service: "a.b") == "a.b-1.2")
        #expect(names.id(of: instance, service: "b") == "a.b-1.2.a")
        #expect(names.id(of: instance, service: "c") == nil)
        #expect(names.listed("a.b")?.text == "a.b._services.micro")
        #expect(names.listed("a.b").flatMap(names.listedService) == "a.b")
        #expect(names.listedService(names.listing) == nil)
        #expect(names.service("a.") == nil && names.service("") == nil)
        #expect(ServiceNames(domain: "") == nil)
        #expect(ServiceNames(domain: "a.example")?.service("s")?.text == "s.a.example")
        // A label that ends like another one is not the same name.
        #expect(DNSName("xmicro")?.dropping(names.domain) == nil)
    }

    @Test func readsAddresses() {
        #expect(IPAddress("192.0.2.7")?.bytes == [192, 0, 2, 7])
        #expect(IPAddress("fd00::2")?.text == "fd00::2")
        #expect(IPAddress("::ffff:192.0.2.7")?.text == "192.0.2.7")
        for text in ["", "localhost", "1.2.3", "[::1]", "fe80::1%lo", "1.2.3.4:5"] {
            #expect(IPAddress(text) == nil, "\(text)")
        }
    }
}
