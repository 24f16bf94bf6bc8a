import MicroCore

@testable import MicroGRPC
@testable import MicroHTTP2

extension FuzzTarget {
    /// Fields as they come from the wire, and what callers read of them.
    static var metadata: FuzzTarget {
        FuzzTarget(name: "metadata") {
            [Array("key\0value".utf8), Array("key-bin\0AQI,AQ==,!".utf8), Array("A\0b\0A\0c".utf8)]
        } run: { input in
            let parts = input.split(separator: 0, omittingEmptySubsequences: false)
            var packed: [UInt8] = []
            var count = 0
            for pair in stride(from: 0, to: parts.count - 1, by: 2) {
                Metadata.appendPacked(name: parts[pair], value: parts[pair + 1], to: &packed)
                count += 1
            }
            var metadata = Metadata(packed: packed)
            check(metadata.count { _ in true } == count, "as many fields as were added")
            for (name, _) in metadata {
                _ = metadata[name]
                _ = metadata.bytes(for: name)
                _ = metadata.allBytes(for: name)
            }
            _ = MetadataRules.violation(in: metadata, status: .invalidArgument)
            var block = FieldBlock()
            block.add(metadata)
            block.withNV { _, _ in }
            if let name = parts.first { metadata.remove(String(decoding: name, as: UTF8.self)) }
        }
    }
}
