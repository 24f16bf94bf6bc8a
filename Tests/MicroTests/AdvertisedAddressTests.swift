import Testing

@testable import MicroCore

@Suite struct AdvertisedAddressTests {
    /// A machine with a private IPv6 address, but a public IPv4 one.
    private let interfaces = [
        InterfaceAddress(ipv4: [127, 0, 0, 1], isLoopback: true),
        InterfaceAddress(ipv4: [192, 0, 2, 2], isLoopback: false),
        InterfaceAddress(ipv6: [0xFD] + [UInt8](repeating: 0, count: 14) + [2], isLoopback: false),
    ].compactMap { $0 }

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
        let text = AdvertisedAddress.text(
            advertise, boundTo: .host(host, port: 90), interfaces: self.interfaces)
        #expect(text == expected)
    }

    @Test func aMachineWithoutNetworkIsOnItsLoopback() {
        #expect(AdvertisedAddress.text(nil, boundTo: .host("", port: 90), interfaces: []) == "127.0.0.1:90")
    }

    @Test func aUnixSocketIsToldAsItIs() {
        #expect(AdvertisedAddress.text(nil, boundTo: .unixSocket("/a"), interfaces: []) == "unix:/a")
    }
}
