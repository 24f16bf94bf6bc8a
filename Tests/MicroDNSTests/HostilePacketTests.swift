import DNSTestSupport
import MicroDNS
import Testing

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

    @Test func survivesMutations() throws {
        var generator = SeededGenerator(seed: 0x646E73)
        var understood = 0
        let packets = [Captures.query, Captures.brokerListing, Captures.greeterListing]
        for round in 0..<10000 {
            let packet = generator.mutated(packets[round % packets.count])
            do throws(DNSFormatError) {
                let message = try DNSMessage(decoding: packet)
                // Whatever was understood can be written and understood again.
                _ = try DNSMessage(decoding: message.encoded(compressed: true))
                understood += 1
            } catch {
                continue
            }
        }
        #expect(understood > 100, "The mutations hardly ever leave a packet that can be read.")
    }
}
