import Testing

@testable import MicroDNS

@Suite(.timeLimit(.minutes(2))) struct ResolverConfigurationTests {
    private func read(_ text: String) -> DNSResolver.Configuration { .init(resolvConf: text) }

    @Test func readsResolvConf() throws {
        let configuration = read(
            """
            # comment
            domain old.example
            search a.example b.example. bad..name   ; and more
            nameserver 192.0.2.1
              nameserver\t2001:db8::1 # the second
            nameserver fe80::1%eth0
            nameserver nonsense
            options ndots:2 timeout:3 attempts:4 rotate edns0
            sortlist 192.0.2.0/24
            """)
        #expect(configuration.servers.map(\.description) == ["192.0.2.1:53", "[2001:db8::1]:53"])
        #expect(configuration.searchDomains.map(\.text) == ["a.example", "b.example"])
        #expect(configuration.minimumDots == 2 && configuration.timeout == .seconds(3))
        #expect(configuration.attempts == 4)
    }

    @Test func keepsToTheLimitsOfTheCLibrary() {
        let many = (1...9).map { "nameserver 192.0.2.\($0)\n" }.joined()
        let configuration = read(
            many + "options timeout:99999999999999999999 ndots:-5 attempts:1000 timeout:4000\nsearch "
                + (1...20).map { "d\($0).example" }.joined(separator: " "))
        #expect(configuration.servers.count == 3 && configuration.searchDomains.count == 6)
        #expect(configuration.timeout == .seconds(30) && configuration.attempts == 5)
        #expect(configuration.minimumDots == 0)
        for text in ["", "nameserver", "options", "search", ":", "\u{0}\n\n"] {
            #expect(read(text).servers.map(\.description) == ["127.0.0.1:53"])
        }
    }

    @Test func triesDomainsByTheNumberOfDots() throws {
        let configuration = read("search x.example y.example\noptions ndots:2")
        func names(_ text: String) throws -> [String?] { try configuration.candidates(for: text).map(\.text) }
        #expect(try names("db") == ["db.x.example", "db.y.example", "db"])
        #expect(try names("db.a") == ["db.a.x.example", "db.a.y.example", "db.a"])
        #expect(try names("db.a.b") == ["db.a.b", "db.a.b.x.example", "db.a.b.y.example"])
        #expect(try names("db.") == ["db"])
        for bad in ["", "a..b", String(repeating: "x", count: 64)] {
            let error = #expect(throws: DNSError.self) { try names(bad) }
            #expect(error?.code == .invalidName)
        }
    }
}
