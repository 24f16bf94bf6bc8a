import MicroBrokerHTTP
import MicroCore
import MicroRegistryMemory
import MicroTestSupport
import MicroTesting
import Testing

@Suite(.timeLimit(.minutes(5))) struct ConformanceTests {
    @Test func plaintext() async throws {
        var suite = BrokerConformance { (HTTPBroker(), HTTPBroker()) }
        suite.context = .broker(MemoryRegistry())
        try await suite.run()
    }

    @Test func oneBrokerByItself() async throws {
        var suite = BrokerConformance {
            let broker = HTTPBroker()
            return (broker, broker)
        }
        suite.context = .broker(MemoryRegistry())
        suite.eventCount = 50
        try await suite.run()
    }

    @Test func tls() async throws {
        let certificates = try await TestCertificates()
        let server = try await certificates.issue(.service("micro.http.broker"))
        let tls = TLSConfiguration(
            certificateChain: .file(server.certificatePath), privateKey: .file(server.keyPath),
            trustRoots: .file(certificates.rootPath), clientVerification: .required)
        var suite = BrokerConformance { (.http(.init(tls: tls)), .http(.init(tls: tls))) }
        suite.context = .broker(MemoryRegistry())
        suite.eventCount = 50
        try await suite.run()
    }
}
