import MicroDNS
import Testing

@testable import MicroRegistryMDNS

@Suite(.timeLimit(.minutes(2))) struct ServiceNameTests {
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
}
