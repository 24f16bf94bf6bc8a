import MicroCore

@testable import MicroRegistryMDNS

extension FuzzTarget {
    /// Packets of mDNS, and the records in them.
    static var mdns: FuzzTarget {
        FuzzTarget(name: "mdns") {
            packets()
        } run: { input in
            guard let names = ServiceNames(domain: "micro") else { return }
            if let message = try? DNSMessage(decoding: input) {
                for sighting in Sighting.all(in: message) { _ = sighting.record(names: names) }
                // What was understood can be written, and then understood again.
                check(
                    (try? DNSMessage(decoding: message.encoded(compressed: true))) != nil, "written packets")
            }
            _ = try? Hexadecimal.decode(input)
            _ = try? Zlib.inflate(input, limit: 1 << 20)
            _ = try? ServiceTXT(strings: [input])
            _ = try? ServiceTXT(
                strings: stride(from: 0, to: input.count, by: 255).map {
                    Array(input[$0..<min($0 + 255, input.count)])
                })
        }
    }

    private static func packets() -> [[UInt8]] {
        let question: [UInt8] =
            [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0x61, 5] + Array("micro".utf8) + [0, 0, 12, 0, 1]
        let answer: [UInt8] =
            [0, 0, 0x84, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3] + Array("a-1".utf8) + [1, 0x61, 5]
            + Array("micro".utf8)
            + [0, 0, 33, 0, 1, 0, 0, 0, 60, 0, 8, 0, 0, 0, 0, 0x1F, 0x90, 0xC0, 0x10]
            + [0xC0, 0x0C, 0, 16, 0, 1, 0, 0, 0, 60, 0, 3, 2, 0x61, 0x62]
        let text = Array(#"{"service":"a","version":"1","endpoints":[],"metadata":{"k":"v"}}"#.utf8)
        let packed = Zlib.deflate(text) ?? []
        return [question, answer, packed, Hexadecimal.encode(packed)]
    }
}
