import NIOCore
import Testing

@testable import MicroNATS

@Suite("The NATS machine connects", .timeLimit(.minutes(2)))
struct ConnectingTests {
    private let server = NATSServer(host: "a")

    @Test("Says who it is once it is greeted, and begins once it is admitted")
    func connect() throws {
        let client = VirtualClient { $0.name = "me" }
        client.machine.start(now: client.now)
        let entry = ServerPool.Entry(server: server, isLearnt: false, tlsName: "a")
        #expect(client.effects() == [.connect(entry, link: 1)])
        client.machine.opened(link: 1, now: client.now)
        #expect(client.effects() == [.wake(client.now + .seconds(5))])
        try client.hear("INFO {\"max_payload\":100}\r\n")
        let effects = client.effects()
        #expect(effects.first == .report(.plaintext(server, hasCredentials: false)))
        guard case .write(let line, link: 1)? = effects.last else {
            Issue.record("Nothing was said: \(effects).")
            return
        }
        #expect(
            String(buffer: line).hasPrefix("CONNECT {") && String(buffer: line).hasSuffix("}\r\nPING\r\n"))
        #expect(String(buffer: line).contains("\"name\":\"me\""))
        #expect(!client.machine.isOpen)
        try client.hear("PONG\r\n")
        #expect(client.machine.isOpen)
        #expect(client.effects() == [.flush(.now), .report(.connected(server))])
        #expect(client.publish(String(repeating: "x", count: 101)) == .payloadTooLarge)
    }

    @Test("Credentials answer the server's challenge; the server's own go first")
    func credentials() throws {
        let credentials = NATSCredentials.user("u", password: "p")
        let client = VirtualClient { configuration in
            configuration.servers[0].credentials = credentials
            configuration.credentials = .token("other")
        }
        client.machine.start(now: client.now)
        _ = client.effects()
        try client.greet("{\"nonce\":\"abc\"}")
        #expect(client.effects().contains(.logIn(credentials, nonce: "abc", link: 1)))
        client.machine.loggedIn(link: 1, .success(Login(user: "u", password: "p")))
        guard case .write(let line, link: 1)? = client.effects().last else {
            Issue.record("Nothing was said.")
            return
        }
        #expect(String(buffer: line).contains("\"pass\":\"p\""))
    }

    @Test("TLS begins behind the greeting, or before it, and is not done without")
    func security() throws {
        let entry = ServerPool.Entry(server: server, isLearnt: false, tlsName: "a")
        let behind = VirtualClient()
        behind.machine.start(now: behind.now)
        _ = behind.effects()
        try behind.greet("{\"tls_required\":true}")
        #expect(behind.effects().last == .secure(entry, link: 1))
        behind.machine.secured(link: 1)
        guard case .write? = behind.effects().last else {
            Issue.record("Nothing was said behind the handshake.")
            return
        }

        let first = VirtualClient { $0.performsTLSFirst = true }
        first.machine.start(now: first.now)
        first.machine.opened(link: 1, now: first.now)
        #expect(first.effects().last == .secure(entry, link: 1))
        #expect(throws: ProtocolFault.self) { try first.hear("INFO {}\r\n") }
        first.machine.secured(link: 1)
        try first.hear("INFO {}\r\n")
        guard case .write? = first.effects().last else {
            Issue.record("Nothing was said behind the greeting.")
            return
        }

        let without = VirtualClient { $0.servers[0].requiresTLS = true }
        without.machine.start(now: without.now)
        try without.greet()
        #expect(without.effects().last == .close(link: 1))
        without.cut()
        #expect(without.effects().end??.code == .insecure)
    }

    @Test("A server that does not admit it within the time limit is left")
    func admissionLimit() throws {
        let client = VirtualClient()
        client.machine.start(now: client.now)
        try client.greet()
        let late = client.advance(by: .seconds(6)).last
        #expect(late?.at == .seconds(5) && late?.effect == .close(link: 1))
        client.cut()
        #expect(client.machine.lastFailure?.code == .timeout)
    }

    @Test("Refusals by every server end the client, and those by some don't")
    func refusals() throws {
        let client = VirtualClient { $0.servers.append(NATSServer(host: "b")) }
        client.machine.start(now: client.now)
        try client.greet()
        try client.hear("-ERR 'Authorization Violation'\r\n")
        let effects = client.effects()
        #expect(effects.last == .close(link: 1))
        client.cut()
        #expect(client.effects().end == nil)
        _ = client.advance(by: .seconds(1))
        #expect(client.machine.lastLink == 2)
        client.machine.waitUntilConnected(7, within: .seconds(60), now: client.now)
        let refusal = NATSError(.authenticationFailed, "no")
        client.machine.failedToOpen(link: 2, refusal, now: client.now)
        let end = client.effects()
        #expect(end.end == refusal)
        #expect(end.contains(.resume(waiter: 7, refusal)))
        // Who comes later hears the same.
        client.machine.waitUntilConnected(8, within: .seconds(60), now: client.now)
        #expect(client.effects() == [.resume(waiter: 8, refusal)])
    }

    @Test("A client that has been connected goes on when it is refused")
    func laterRefusal() throws {
        let client = VirtualClient()
        try client.admit()
        client.cut()
        _ = client.advance(by: .seconds(1))
        try client.greet()
        try client.hear("-ERR 'Authorization Violation'\r\n")
        client.cut()
        #expect(client.effects().end == nil)
        _ = client.advance(by: .seconds(10))
        #expect(client.machine.lastLink == 3)
    }

    @Test("What happens on an earlier connection changes nothing")
    func lateNews() throws {
        let client = VirtualClient()
        try client.admit()
        client.cut()
        _ = client.advance(by: .seconds(1))
        try client.admit()
        _ = client.effects()
        client.machine.ended(link: 1, now: client.now)
        client.machine.fail(link: 1, .lost)
        client.machine.secured(link: 1)
        client.machine.loggedIn(link: 1, .success(Login()))
        client.machine.failedToOpen(link: 1, .lost, now: client.now)
        #expect(client.effects().isEmpty && client.machine.isOpen)
        // A channel of it that is opened late is closed.
        client.machine.opened(link: 1, now: client.now)
        #expect(client.effects() == [.close(link: 1)])
    }

    @Test("Operations before the handshake is done are faults")
    func early() throws {
        let client = VirtualClient()
        client.machine.start(now: client.now)
        client.machine.opened(link: 1, now: client.now)
        #expect(throws: ProtocolFault.self) { try client.hear("PONG\r\n") }
    }

    @Test("No server, or an inbox that can't be published to, end the client at once")
    func unusable() {
        let without = VirtualClient { $0.servers = [] }
        without.machine.start(now: without.now)
        #expect(without.effects().end??.code == .invalidAddress)
        let inbox = VirtualClient { $0.inboxPrefix = "a..b" }
        inbox.machine.start(now: inbox.now)
        #expect(inbox.effects().end??.code == .invalidSubject)
    }
}
