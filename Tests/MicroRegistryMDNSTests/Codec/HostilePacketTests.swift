import Testing

@testable import MicroRegistryMDNS

/// Packets that are made to do harm: each ends in an error of ours.
@Suite(.timeLimit(.minutes(2))) struct HostilePacketTests {
    private let header: [UInt8] = [0, 0, 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0]

    @Test func refusesNamesThatPointForwardOrAtThemselves() {
        #expect(throws: DNSFormatError.badPointer) {
            try DNSMessage(decoding: header + [0xC0, 12, 0, 12, 0, 1])
        }
        #expect(throws: DNSFormatError.badPointer) {
            try DNSMessage(decoding: header + [0xC0, 14, 0, 12, 0, 1])
        }
        // A label, then a pointer back to that label: round and round.
        #expect(throws: DNSFormatError.badPointer) {
            try DNSMessage(decoding: header + [1, 0x61, 0xC0, 12, 0, 12, 0, 1])
        }
    }

    @Test func refusesLongChainsOfPointers() {
        // Each question's name is a pointer to the name of the one in front of it.
        var packet = header
        let count: UInt16 = 200
        packet[4...5] = [UInt8(count >> 8), UInt8(count & 0xFF)]
        packet += [0, 0, 12, 0, 1]
        var target = 12
        for _ in 1..<count {
            let here = packet.count
            packet += [0xC0 | UInt8(target >> 8), UInt8(target & 0xFF), 0, 12, 0, 1]
            target = here
        }
        #expect(throws: DNSFormatError.badPointer) { try DNSMessage(decoding: packet) }
    }

    @Test func refusesNamesAndLabelsThatAreTooLong() {
        #expect(throws: DNSFormatError.badName) {
            try DNSMessage(decoding: header + [0x40] + [UInt8](repeating: 0x61, count: 80))
        }
        #expect(throws: DNSFormatError.badName) { try DNSMessage(decoding: header + [0x80, 0x61, 0]) }
        let label: [UInt8] = [63] + [UInt8](repeating: 0x61, count: 63)
        #expect(throws: DNSFormatError.badName) {
            try DNSMessage(decoding: header + label + label + label + label + [0, 0, 12, 0, 1])
        }
        // 255 bytes in all are allowed.
        let last: [UInt8] = [61] + [UInt8](repeating: 0x61, count: 61)
        #expect(throws: Never.self) {
            try DNSMessage(decoding: header + label + label + label + last + [0, 0, 12, 0, 1])
        }
    }

    @Test func refusesEveryTruncation() {
        for packet in [Captures.query, Captures.brokerListing, Captures.greeterListing] {
            for count in 0..<packet.count {
                #expect(throws: DNSFormatError.self) { try DNSMessage(decoding: Array(packet[..<count])) }
            }
        }
    }

    @Test func refusesLyingLengths() throws {
        let packet = Captures.brokerListing
        // The length of the address, of the server record, and of the last text.
        for (position, value) in [(0x62, 5), (0x62, 3), (0x4C, 9), (0x4C, 11), (packet.count - 1, 1)] {
            var lying = packet
            lying[position] = UInt8(value)
            #expect(throws: DNSFormatError.self, "byte \(position)") { try DNSMessage(decoding: lying) }
        }
        // A string that is longer than its record.
        let text = packet.dropLast(2) + [0, 2, 5, 0x61]
        #expect(throws: DNSFormatError.badRecord) { try DNSMessage(decoding: Array(text)) }
        // More records than there are.
        var counts = packet
        counts[6...7] = [0xFF, 0xFF]
        #expect(throws: DNSFormatError.truncated) { try DNSMessage(decoding: counts) }
    }

    /// Ten thousand names of 255 bytes each in 60 KB, by pointers.
    @Test func boundsTheNamesOfAPacket() throws {
        let long = (0..<127).reduce(into: [UInt8]()) { name, _ in name += [1, 0x61] } + [0]
        func packet(_ count: Int) -> [UInt8] {
            var packet = header
            packet[4...5] = [UInt8((count + 1) >> 8), UInt8((count + 1) & 0xFF)]
            packet += long + [0, 12, 0, 1]
            for _ in 0..<count { packet += [0xC0, 12, 0, 12, 0, 1] }
            return packet
        }
        #expect(try DNSMessage(decoding: packet(200)).questions.count == 201)
        #expect(throws: DNSFormatError.tooLarge) { try DNSMessage(decoding: packet(10_000)) }
    }

    /// Thirty thousand strings of one byte in a text.
    @Test func boundsTheStringsOfAPacket() throws {
        func packet(_ count: Int) -> [UInt8] {
            var packet = header
            packet[4...7] = [0, 0, 0, 1]
            packet += [
                1, 0x61, 0, 0, 16, 0, 1, 0, 0, 0, 60, UInt8((count * 2) >> 8), UInt8((count * 2) & 0xFF),
            ]
            return packet + (0..<count).flatMap { _ in [1, 0x61] as [UInt8] }
        }
        #expect(try DNSMessage(decoding: packet(4096)).answers.count == 1)
        #expect(throws: DNSFormatError.tooLarge) { try DNSMessage(decoding: packet(30_000)) }
    }

    @Test func looksAtEachNodeOfAPacketOnceAndAtSixtyFour() throws {
        let host = try #require(DNSName("vm")), address = try #require(IPAddress("10.0.0.1"))
        var message = DNSMessage(flags: .response)
        message.answers = [DNSRecord(name: host, timeToLive: 120, data: .address(address))]
        for number in 0..<100 {
            let name = try #require(DNSName("n\(number).a.micro"))
            message.answers.append(DNSRecord(name: name, timeToLive: 120, data: .text([[0x61]])))
            for port: UInt16 in [1, 2] {
                message.answers.append(
                    DNSRecord(
                        name: name, timeToLive: 120,
                        data: .server(priority: 0, weight: 0, port: port, target: host)))
            }
        }
        let sightings = Sighting.all(in: message)
        #expect(sightings.count == 64 && sightings.allSatisfy { $0.content.port == 2 })
    }

    @Test func survivesMutations() throws {
        var generator = SeededGenerator(seed: 0x6D_646E73)
        let names = try #require(ServiceNames(domain: "micro"))
        var understood = 0
        let packets = [
            Captures.query, Captures.brokerListing, Captures.greeterListing, Self.announcement(names),
        ]
        for round in 0..<10000 {
            var packet = packets[round % packets.count]
            for _ in 0...Int.random(in: 0..<6, using: &generator) {
                let position = Int.random(in: 0..<packet.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: packet[position] = .random(in: .min ... .max, using: &generator)
                case 1: packet.remove(at: position)
                default: packet.insert(.random(in: .min ... .max, using: &generator), at: position)
                }
            }
            do throws(DNSFormatError) {
                let message = try DNSMessage(decoding: packet)
                for sighting in Sighting.all(in: message) {
                    guard let text = try? TextReading(sighting.content.text).result.get() else { continue }
                    _ = sighting.record(of: text, names: names)
                }
                // Whatever was understood can be written and understood again.
                _ = try DNSMessage(decoding: message.encoded(compressed: true))
                understood += 1
            } catch {
                continue
            }
        }
        #expect(understood > 100, "The mutations hardly ever leave a packet that can be read.")
    }

    private static func announcement(_ names: ServiceNames) -> [UInt8] {
        guard let name = names.instance("t.m-1", of: "micro.http.broker"), let host = DNSName("vm"),
            let address = IPAddress("::1")
        else { return [0] }
        return DNSMessage(
            flags: .response,
            answers: [
                DNSRecord(
                    name: name, timeToLive: 120,
                    data: .server(priority: 10, weight: 1, port: 46337, target: host)),
                DNSRecord(name: host, timeToLive: 120, data: .address(address)),
                DNSRecord(name: name, timeToLive: 120, data: .text(Captures.brokerText)),
            ]
        ).encoded(compressed: false)
    }
}

/// Random numbers that are the same in each run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
