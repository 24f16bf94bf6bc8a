import MicroDNS
import Testing

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

    @Test func readsAddresses() {
        #expect(IPAddress("192.0.2.7")?.bytes == [192, 0, 2, 7])
        #expect(IPAddress("fd00::2")?.text == "fd00::2")
        #expect(IPAddress("::ffff:192.0.2.7")?.text == "192.0.2.7")
        for text in ["", "localhost", "1.2.3", "[::1]", "fe80::1%lo", "1.2.3.4:5"] {
            #expect(IPAddress(text) == nil, "\(text)")
        }
    }
}
