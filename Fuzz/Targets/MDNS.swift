import MicroCore
import MicroDNS
import MicroPluginKit
import NIOCore

@testable import MicroRegistryMDNS

extension FuzzTarget {
    /// Packets of mDNS, and the records in them.
    static var mdns: FuzzTarget {
        FuzzTarget(name: "mdns") {
            packets()
        } run: { input in
            guard let names = ServiceNames(domain: "micro") else { return }
            if let message = try? DNSMessage(decoding: input) {
                checkPacket(message, names: names, size: input.count)
                // What was understood can be written, and then understood again.
                check(
                    (try? DNSMessage(decoding: message.encoded(compressed: true))) != nil, "written packets")
            }
            // The types that a resolver reads as well.
            let types = DNSType.ofServiceDiscovery.union([.cname, .soa, .opt])
            if let message = try? DNSMessage(decoding: input, types: types) {
                let written = message.encoded(compressed: true)
                check(
                    (try? DNSMessage(decoding: written, types: types)) != nil, "written packets of all types")
            }
            _ = Hexadecimal.decode(input)
            var inflated: [UInt8] = []
            _ = try? Zlib.inflate(input, limit: 1 << 20, into: &inflated)
            check(inflated.count <= 1 << 20, "inflated bytes")
            for strings in [[input], pieces(input)] {
                let reading = TextReading(strings)
                check(!reading.cost.exceeds(.node), "cost of a text")
            }
        }
    }

    /// Checks that what is made of a packet, in bytes and elements, is bounded: its names and strings by its size
    /// and a constant, and the texts of its nodes by what one node's may cost.
    private static func checkPacket(_ message: DNSMessage, names: ServiceNames, size: Int) {
        let records = message.answers + message.authorities + message.additionals
        let nameBytes =
            records.reduce(0) { $0 + $1.name.bytes.count }
            + message.questions.reduce(0) { $0 + $1.name.bytes.count }
        check(nameBytes <= 1 << 16, "bytes of names")
        let strings = records.reduce(into: [[UInt8]]()) { if case .text(let text) = $1.data { $0 += text } }
        check(strings.count <= 4096 && strings.reduce(0) { $0 + $1.count } <= size, "strings of a packet")

        let now = NIODeadline.uptimeNanoseconds(1)
        var browser = Browser(names: names, limit: .milliseconds(100), quiet: .milliseconds(25))
        _ = browser.watch([], all: true, now: now)
        var message = message
        message.flags = .response
        let source = PacketSource(link: 0, isGroup: true)
        _ = browser.receive(message, from: source, sender: "a", now: now) { _ in false }
        var spent = TextCost()
        while let (job, limit) = browser.nextText(now: now, isOwn: { _ in false }).text {
            let reading = TextReading(job.announcement.content.text, limit: limit)
            spent = spent + reading.cost
            _ = browser.finish(reading, limit: limit, now: now) { _ in false }
        }
        check(!spent.exceeds(.node), "cost of a packet")
    }

    private static func pieces(_ input: [UInt8]) -> [[UInt8]] {
        stride(from: 0, to: input.count, by: 255).map { Array(input[$0..<min($0 + 255, input.count)]) }
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
