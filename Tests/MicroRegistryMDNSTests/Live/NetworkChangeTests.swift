import MicroTestSupport
import Testing

@testable import MicroRegistryMDNS

/// A service on a machine whose network changes, and another machine that looks for it.
@Suite(.serialized, .timeLimit(.minutes(3))) struct NetworkChangeTests {
    /// The machine with the service.
    private let machine: NetworkNamespace

    /// The other machine, at the other end of `eth7`.
    private let neighbour: NetworkNamespace

    init() async throws {
        machine = try await NetworkNamespace()
        neighbour = try await NetworkNamespace()
        try await machine.connect(to: neighbour, as: "eth7")
    }

    private func startService(in network: NetworkNamespace? = nil) async throws -> ForeignProgram {
        let service = try (network ?? machine).start(
            try BuiltPrograms.path("greeter-service"), environment: ["MICRO_REGISTRY": "mdns"])
        try await service.waitForOutput("Service started.")
        return service
    }

    /// What the neighbour learns of the service's address when it asks.
    private func addresses(
        family: String = "4", interface: String = "eth7", source: String = ""
    ) async throws -> [String] {
        let packets = try await Script(
            in: neighbour, "resolve", interface, family, "greeter.micro.", "PTR", "1", source
        ).packets()
        return packets.compactMap { $0.entry?.A ?? $0.entry?.AAAA }
    }

    /// Asks until the service is found at exactly one address.
    private func waitForAddress(
        _ address: String, family: String = "4", interface: String = "eth7"
    ) async throws {
        var found: [String] = []
        for _ in 0..<20 {
            found = try await addresses(family: family, interface: interface)
            if found == [address] { return }
        }
        Issue.record("The service is found at \(found), and should be at \(address).")
    }

    private func addIPv4Addresses() async throws {
        try await machine.ip("addr add 192.168.77.1/24 dev eth7")
        try await neighbour.ip("addr add 192.168.77.2/24 dev eth7")
    }

    @Test func aServiceIsFoundAgainWhenItsInterfaceWasDown() async throws {
        try await addIPv4Addresses()
        let service = try await startService()
        try await waitForAddress("192.168.77.1")
        try await machine.ip("link set eth7 down")
        try await Task.sleep(for: .seconds(3))
        let listener = try Script(in: neighbour, "listen", "eth7", "4", "15", "greeter")
        try await listener.expect("ready")
        try await machine.ip("link set eth7 up")
        try await waitForAddress("192.168.77.1")
        // Those who remember it are told as well.
        let announcements = try await listener.packets().filter { $0.flags == 0x8000 }
        #expect(announcements.contains { $0.answers.contains { $0.ttl == 120 } })
        #expect(service.status == nil)
    }

    @Test func aServiceIsAnnouncedAgainWhenTheCableIsBack() async throws {
        try await addIPv4Addresses()
        let service = try await startService()
        try await waitForAddress("192.168.77.1")
        try await neighbour.ip("link set eth7 down")
        try await Task.sleep(for: .seconds(5))
        try await neighbour.ip("link set eth7 up")
        let listener = try Script(in: neighbour, "listen", "eth7", "4", "10", "greeter")
        try await listener.expect("ready")
        let announcements = try await listener.packets().filter { $0.flags == 0x8000 }
        #expect(!announcements.isEmpty)
        try await waitForAddress("192.168.77.1")
        #expect(service.status == nil)
    }

    @Test func aNewLeaseIsRegistered() async throws {
        try await addIPv4Addresses()
        let service = try await startService()
        try await waitForAddress("192.168.77.1")
        try await machine.ip("addr del 192.168.77.1/24 dev eth7")
        try await machine.ip("addr add 192.168.77.9/24 dev eth7")
        try await waitForAddress("192.168.77.9")
        try await service.waitForOutput("another address")
    }

    @Test func aServiceWithoutANetworkWarnsOnceAndWaitsForOne() async throws {
        let machine = try await NetworkNamespace(isLoopbackUp: false)
        let service = try await startService(in: machine)
        try await service.waitForOutput("multicast works on no network interface")
        try await machine.connect(to: neighbour, as: "eth8")
        try await machine.ip("addr add 192.168.78.1/24 dev eth8")
        try await neighbour.ip("addr add 192.168.78.2/24 dev eth8")
        try await waitForAddress("192.168.78.1", interface: "eth8")
        let log = service.output + service.errorOutput
        #expect(log.ranges(of: "multicast works on no network interface").count == 1)
        #expect(service.status == nil)
    }

    @Test func theAddressOfTheDefaultRouteIsRegistered() async throws {
        // Private, connected, up, first in the system's order, and with a name that a network card may have.
        try await machine.ip("link add eth0 type bridge")
        try await machine.ip("link add port0 type veth peer name port1")
        try await machine.ip("link set port0 master eth0")
        for name in ["port0", "port1", "eth0"] { try await machine.ip("link set \(name) up") }
        try await machine.ip("addr add 172.17.0.1/16 dev eth0")
        try await machine.ip("addr add 203.0.113.5/24 dev eth7")
        try await machine.ip("route add default via 203.0.113.1")
        try await neighbour.ip("addr add 203.0.113.1/24 dev eth7")
        let service = try await startService()
        try await waitForAddress("203.0.113.5")
        let log = service.output + service.errorOutput
        let line = try #require(log.split(separator: "\n").first { $0.contains("MICRO_SERVER_ADVERTISE") })
        #expect(line.contains("203.0.113.5") && line.contains("eth7"))
        // A default route that goes away, and one that comes by another interface.
        try await machine.ip("route del default")
        try await machine.ip("route add default via 172.17.0.9")
        try await waitForAddress("172.17.0.1")
    }

    @Test func withoutADefaultRouteTheKindOfInterfaceCounts() async throws {
        // A network card and a bridge with each other's names; the card is a macvlan, which stands for one.
        try await machine.ip("link add eth0 type bridge")
        try await machine.ip("link add port0 type veth peer name port1")
        try await machine.ip("link set port0 master eth0")
        try await machine.ip("link add docker0 link eth7 type macvlan mode bridge")
        for name in ["port0", "port1", "eth0", "docker0"] { try await machine.ip("link set \(name) up") }
        try await machine.ip("addr add 172.17.0.1/16 dev eth0")
        try await machine.ip("addr add 203.0.113.5/24 dev docker0")
        try await neighbour.ip("addr add 203.0.113.1/24 dev eth7")
        let service = try await startService()
        try await waitForAddress("203.0.113.5")
        #expect(service.status == nil)
    }

    @Test func aMachineWithIPv6AloneIsFound() async throws {
        try await machine.ip("addr add 2001:db8::5/64 dev eth7 nodad")
        try await machine.ip("route add default via 2001:db8::1")
        try await neighbour.ip("addr add 2001:db8::1/64 dev eth7 nodad")
        let service = try await startService()
        try await waitForAddress("2001:db8::5", family: "6")
        try await service.waitForOutput("[2001:db8::5]")
    }

    @Test func onlyNeighboursAreAnswered() async throws {
        try await addIPv4Addresses()
        // Replies to the far address would reach the neighbour.
        try await machine.ip("route add default via 192.168.77.2")
        try await neighbour.ip("addr add 198.51.100.7/32 dev lo")
        let service = try await startService()
        try await waitForAddress("192.168.77.1")
        #expect(try await addresses(source: "198.51.100.7") == [])
        #expect(try await addresses(source: "192.168.77.2") == ["192.168.77.1"])
        #expect(service.status == nil)
    }
}
