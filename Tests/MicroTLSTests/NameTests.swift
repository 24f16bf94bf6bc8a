import MicroCore
import Testing

@testable import MicroTLS

@Suite("Names", .timeLimit(.minutes(2)))
struct NameTests {
    @Test(
        "The name of a service in a SPIFFE identity is its last path component",
        arguments: [
            ("spiffe://example.org/ns/shop/greeter", "greeter"), ("spiffe://example.org/greeter", "greeter"),
            ("spiffe://example.org", nil), ("spiffe://example.org/", nil), ("spiffe:///greeter", nil),
            ("spiffe://example.org//greeter", nil), ("spiffe://example.org/greeter/", nil),
            ("spiffe://example.org/../greeter", nil), ("spiffe://example.org/a?/greeter", nil),
            ("spiffe://example.org/a#/greeter", nil), ("spiffe://user@example.org/greeter", nil),
            ("spiffe://example.org/%67reeter", nil), ("https://example.org/greeter", nil), ("", nil),
        ] as [(String, String?)])
    func spiffe(_ uri: String, _ name: String?) {
        #expect(ExpectedName.spiffeName(of: uri) == name)
    }

    @Test(
        "What can't be a DNS name isn't sent as one",
        arguments: [
            ("localhost", true), ("go.micro.srv.greeter", true), ("a_b-c.d", true), ("", false),
            (".a", false),
            ("a.", false), ("a..b", false), ("a b", false), ("127.0.0.1", false), ("::1", false),
            ("grüezi", false), ("a/b", false), (String(repeating: "a", count: 64), false),
            (Array(repeating: "abcdefg", count: 40).joined(separator: "."), false),
        ])
    func dnsNames(_ text: String, _ isName: Bool) {
        #expect(ExpectedName.isDNSName(text) == isName)
    }

    @Test(
        "The kind of a name follows from its form",
        arguments: [
            (PeerName.host("127.0.0.1"), nil, ExpectedName.address("127.0.0.1")),
            (.host("fe80::1%eth0"), nil, .address("fe80::1")),
            (.host("example.org."), nil, .host("example.org")),
            (.service("greeter"), nil, .service("greeter")),
            (.service("greeter"), "spiffe://a/b", .uri("spiffe://a/b")),
            (.host("127.0.0.1"), "greeter", .service("greeter")),
            (.service("greeter"), "192.0.2.1", .address("192.0.2.1")),
        ] as [(PeerName, String?, ExpectedName)])
    func kinds(_ peer: PeerName, _ override: String?, _ expected: ExpectedName) {
        #expect(ExpectedName(peer, override: override) == expected)
    }
}
