import MicroCore
import Testing

@testable import MicroInterfaces

@Suite(.timeLimit(.minutes(2))) struct AdvertisedAddressTests {
    /// An address of an interface, with what matters to the choice.
    private static func address(
        _ bytes: [UInt8], of interface: String, _ kind: InterfaceKind = .hardware, isDefault: Bool = false,
        isTransient: Bool = false, isRunning: Bool = true
    ) -> InterfaceAddress {
        let made = InterfaceAddress(interface: interface, bytes: bytes, isLoopback: interface == "lo")
        guard var made else { preconditionFailure("An address has 4 or 16 bytes.") }
        made.kind = kind
        made.isOnDefaultRoute = isDefault
        made.isTransient = isTransient
        made.isRunning = isRunning
        return made
    }

    private static func ipv6(_ first: [UInt8], _ last: UInt8) -> [UInt8] {
        first + [UInt8](repeating: 0, count: 15 - first.count) + [last]
    }

    private static let loopback = address([127, 0, 0, 1], of: "lo")
    private static let docker = address([172, 17, 0, 1], of: "docker0", .container)

    /// A machine with a private IPv6 address, but a public IPv4 one, of which neither is on a default route.
    private static let simple = [
        loopback, address([192, 0, 2, 2], of: "eth0"), address(ipv6([0xFD], 2), of: "eth0"),
    ]

    @Test(
        arguments: [
            // A socket of IPv4 is not told to be at an IPv6 address, private or not.
            (nil, "0.0.0.0", "192.0.2.2:90"),
            (nil, "::", "[fd00::2]:90"),
            (nil, "", "[fd00::2]:90"),
            (nil, "10.0.0.1", "10.0.0.1:90"),
            ("0.0.0.0:91", "0.0.0.0", "192.0.2.2:91"),
            (":91", "", "[fd00::2]:91"),
            ("example.org", "0.0.0.0", "example.org:90"),
            ("example.org:91", "", "example.org:91"),
        ] as [(String?, String, String)])
    func addressIsOneWhereTheSocketAnswers(advertise: String?, host: String, expected: String) {
        let address = AdvertisedAddress(
            advertise, boundTo: .host(host, port: 90), interfaces: Self.simple)
        #expect(address.text == expected)
        let isChosen = ["192.0.2.2", "fd00::2"].contains { expected.contains($0) }
        #expect((address.choice != nil) == isChosen)
    }

    /// Machines, in the order in which the system lists their addresses, and what is chosen.
    private static let machines: [(addresses: [InterfaceAddress], expected: String)] = [
        // The default route comes before a private address, whose bridge is of use on this machine alone.
        ([loopback, docker, address([203, 0, 113, 5], of: "eth7", isDefault: true)], "203.0.113.5"),
        // Without a default route the kind decides, whatever the names are.
        (
            [
                loopback, address([172, 17, 0, 1], of: "eth0", .container),
                address([203, 0, 113, 5], of: "docker0"),
            ],
            "203.0.113.5"
        ),
        // In a container, a pair's end is all there is; on a machine of virtual ones, a bridge is.
        ([loopback, address([172, 17, 0, 2], of: "eth0", .container, isDefault: true)], "172.17.0.2"),
        (
            [loopback, docker, address([192, 168, 1, 5], of: "br0", .container, isDefault: true)],
            "192.168.1.5"
        ),
        // A tunnel that takes the default route leads away from the neighbours.
        (
            [
                loopback, address([10, 8, 0, 6], of: "tun0", .tunnel, isDefault: true),
                address([192, 168, 1, 5], of: "wlan0"),
            ], "192.168.1.5"
        ),
        ([loopback, docker, address([10, 8, 0, 6], of: "tun0", .tunnel)], "10.8.0.6"),
        // A card without a cable.
        (
            [
                loopback, address([10, 0, 0, 1], of: "eth0", isRunning: false),
                address([192, 0, 2, 2], of: "eth1"),
            ],
            "192.0.2.2"
        ),
        // Only IPv6: link-local addresses are of no use, temporary ones go soon.
        (
            [
                loopback, address(ipv6([0xFE, 0x80], 1), of: "eth0", isDefault: true),
                address(ipv6([0x20, 0x01, 0x0D, 0xB8], 7), of: "eth0", isDefault: true, isTransient: true),
                address(ipv6([0x20, 0x01, 0x0D, 0xB8], 5), of: "eth0", isDefault: true),
            ], "[2001:db8::5]"
        ),
        // Two addresses of one interface: the first, unless the other one is private.
        ([address([198, 51, 100, 1], of: "eth0"), address([198, 51, 100, 2], of: "eth0")], "198.51.100.1"),
        ([address([198, 51, 100, 1], of: "eth0"), address([10, 0, 0, 2], of: "eth0")], "10.0.0.2"),
        ([loopback], "127.0.0.1"),
    ]

    @Test(arguments: machines.indices) func theBestInterfaceIsChosen(machine: Int) {
        let (addresses, expected) = Self.machines[machine]
        let address = AdvertisedAddress(nil, boundTo: .host("", port: 90), interfaces: addresses)
        #expect(address.text == "\(expected):90")
        #expect(address.isUnreachable == (expected == "127.0.0.1"))
    }

    @Test func aMachineWithoutNetworkIsOnItsLoopback() {
        let address = AdvertisedAddress(nil, boundTo: .host("", port: 90), interfaces: [])
        #expect(address.text == "127.0.0.1:90" && address.isUnreachable)
    }

    @Test func aUnixSocketIsToldAsItIs() {
        let address = AdvertisedAddress(nil, boundTo: .unixSocket("/a"), interfaces: [])
        #expect(address.text == "unix:/a" && address.choice == nil && !address.isUnreachable)
    }

    @Test(
        arguments: [
            (nil, .hardware), ("vlan", .hardware), ("bond", .hardware), ("wireguard", .tunnel),
            ("tun", .tunnel),
            ("something-new", .tunnel), ("bridge", .container), ("veth", .container),
        ] as [(String?, InterfaceKind)])
    func kindsAreKnownByLinuxsNames(name: String?, kind: InterfaceKind) {
        #expect(InterfaceKind(linuxName: name) == kind)
    }

    @Test func malformedNetlinkMessagesAreLeftOut() {
        // A length beyond the packet, one below the header's, and an attribute that is longer than its message.
        let header: [UInt8] = [16, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        #expect(NetlinkMessage.all(in: UInt32(200).nativeBytes + header).isEmpty)
        #expect(NetlinkMessage.all(in: UInt32(3).nativeBytes + header).isEmpty)
        #expect(NetlinkMessage.all(in: []).isEmpty)
        let attribute = UInt16(40).nativeBytes + UInt16(1).nativeBytes + [1, 2, 3, 4]
        let message = NetlinkMessage(type: 20, body: [UInt8](repeating: 0, count: 8) + attribute)
        #expect(message.attribute(1) == nil)
        let good = NetlinkMessage(
            type: 16,
            body: [UInt8](repeating: 0, count: 16) + UInt16(7).nativeBytes + UInt16(3).nativeBytes
                + Array("lo\0".utf8) + [0])
        #expect(good.attribute(3)?.cString == "lo" && good.attribute(4) == nil)
    }
}
