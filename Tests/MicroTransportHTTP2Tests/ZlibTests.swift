import MicroCore
import Testing

@testable import MicroGRPC

/// Messages are restored as they were, or not at all, and within their limit.
@Suite(.timeLimit(.minutes(2))) struct ZlibTests {
    /// `hello` seven times, compressed by Python's `gzip` and `zlib`.
    private static let hello = Array(String(repeating: "hello", count: 7).utf8)
    private static let gzip: [UInt8] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 72, 205, 201, 201, 207, 192, 75, 0, 0, 228, 39, 149, 21,
        35, 0, 0, 0,
    ]
    private static let zlib: [UInt8] = [
        120, 156, 203, 72, 205, 201, 201, 207, 192, 75, 0, 0, 5, 119, 14, 141,
    ]

    private func restore(
        _ bytes: [UInt8], _ compression: Compression = .gzip, limit: Int = 1 << 20
    ) throws(DecompressionFault) -> [UInt8] {
        let restored = try bytes.withRaw { (bytes) throws(DecompressionFault) in
            try ZlibPool.inflaters.with { (inflater) throws(DecompressionFault) in
                try inflater.restore(bytes, compression, limit: limit)
            }
        }
        guard let restored else { throw .noMemory }
        return Array(restored.dropFirst(EncodedMessage.headroom))
    }

    private func fault(
        _ bytes: [UInt8], _ compression: Compression = .gzip, limit: Int = 1 << 20
    ) -> DecompressionFault? {
        do throws(DecompressionFault) {
            _ = try restore(bytes, compression, limit: limit)
            return nil
        } catch {
            return error
        }
    }

    private func compressed(_ bytes: [UInt8], _ compression: Compression) -> [UInt8]? {
        EncodedMessage(bytes).compressed(compression)?.bytes
    }

    @Test func knowsWhatOthersHaveWritten() throws {
        #expect(try restore(Self.gzip) == Self.hello)
        #expect(try restore(Self.zlib, .deflate) == Self.hello)
    }

    @Test(arguments: [Compression.gzip, .deflate])
    func restoresWhatItHasCompressed(_ compression: Compression) throws {
        for count in [40, 1000, 4096, 65_536, 1 << 20, 3_000_001] {
            var bytes = [UInt8](repeating: 7, count: count)
            for position in stride(from: 0, to: count, by: 100) { bytes[position] = .random(in: 0...255) }
            let smaller = try #require(compressed(bytes, compression))
            #expect(smaller.count < count)
            #expect(try restore(smaller, compression, limit: count) == bytes)
        }
    }

    @Test func leavesAloneWhatDoesNotGetSmaller() {
        #expect(compressed([], .gzip) == nil)
        #expect(compressed([1, 2, 3], .gzip) == nil)
        #expect(compressed((0..<10_000).map { _ in .random(in: 0...255) }, .deflate) == nil)
        #expect(compressed([UInt8](repeating: 0, count: 1000), .identity) == nil)
        var message = EncodedMessage([UInt8](repeating: 0, count: 1000))
        message.skipsCompression = true
        #expect(message.compressed(.gzip) == nil)
        message.skipsCompression = false
        #expect(message.compressed(.gzip) != nil)
    }

    @Test func endsAtTheLimit() throws {
        let zeros = [UInt8](repeating: 0, count: 100_000)
        for compression in [Compression.gzip, .deflate] {
            let small = try #require(compressed(zeros, compression))
            #expect(try restore(small, compression, limit: 100_000) == zeros)
            #expect(fault(small, compression, limit: 99_999) == .tooLong(limit: 99_999))
            #expect(fault(small, compression, limit: 1) == .tooLong(limit: 1))
        }
        #expect(DecompressionFault.tooLong(limit: 1).error.status == .resourceExhausted)
    }

    @Test func bombsTakeNoMoreMemoryThanTheLimit() throws {
        let bomb = try #require(compressed([UInt8](repeating: 0, count: 64 << 20), .gzip))
        #expect(bomb.count < 70_000)
        let limit = 4 << 20
        #expect(fault(bomb, limit: limit) == .tooLong(limit: limit))
        // What is copied while the memory grows is never more than half of what is allowed.
        for compressedCount in [0, 1, 100, 65_536, limit, 100 << 20] {
            var growth = InflationGrowth(compressed: compressedCount, limit: limit)
            var steps: [Int] = []
            while let step = growth.next() { steps.append(step) }
            #expect(steps.last == limit + 1)
            #expect(steps.dropLast().allSatisfy { $0 <= limit / 2 + 1 })
            #expect(zip(steps, steps.dropFirst()).allSatisfy { $0 < $1 })
        }
    }

    @Test func truncatedMessagesFail() {
        for (bytes, compression) in [(Self.gzip, Compression.gzip), (Self.zlib, .deflate)] {
            for count in 0..<bytes.count {
                #expect(fault(Array(bytes.prefix(count)), compression) == .truncated, "\(count)")
            }
        }
    }

    /// A few bits, such as the time in a gzip head and the filling behind the last block, mean nothing.
    @Test func changedMessagesNeverBecomeOthers() {
        for (bytes, compression) in [(Self.gzip, Compression.gzip), (Self.zlib, .deflate)] {
            var faults = 0
            for bit in 0..<bytes.count * 8 {
                var changed = bytes
                changed[bit / 8] ^= 1 << (bit % 8)
                let restored = try? restore(changed, compression)
                #expect(restored == nil || restored == Self.hello, "bit \(bit)")
                if restored == nil { faults += 1 }
            }
            #expect(faults > bytes.count * 4)
        }
    }

    @Test func nothingMayFollow() {
        #expect(fault(Self.gzip + [0]) == .trailing(1))
        #expect(fault(Self.zlib + Self.zlib, .deflate) == .trailing(Self.zlib.count))
        // A second member, which the format of files allows, is no part of a message.
        #expect(fault(Self.gzip + Self.gzip) == .trailing(Self.gzip.count))
    }

    @Test func formatsAreNotMixed() {
        for (bytes, compression) in [
            (Self.gzip, Compression.deflate), (Self.zlib, .gzip), (Array("plain text".utf8), .gzip),
            (Array(Self.zlib.dropFirst(2)), .deflate), ([0x78, 0xBB, 0, 0, 0, 0], .deflate),
        ] {
            guard case .corrupt = fault(bytes, compression) else {
                Issue.record("\(bytes) as \(compression): \(String(describing: fault(bytes, compression)))")
                continue
            }
        }
        #expect(fault([], .gzip) == .truncated)
    }

    @Test func aStreamThatFailedServesTheNextMessage() throws {
        for _ in 0..<20 {
            _ = fault(Self.gzip + [1])
            _ = fault([1, 2, 3])
            #expect(try restore(Self.gzip) == Self.hello)
            #expect(try restore(Self.zlib, .deflate) == Self.hello)
        }
    }

    @Test func manyTasksCompressAtOnce() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for seed in 0..<64 {
                group.addTask {
                    let message = EncodedMessage([UInt8](repeating: UInt8(seed), count: 20_000 + seed))
                    var compressed = try #require(message.compressed(seed % 2 == 0 ? .gzip : .deflate))
                    compressed.receivedCompression = seed % 2 == 0 ? .gzip : .deflate
                    return try compressed.restored(limit: 1 << 20) == message
                }
            }
            for try await isSame in group { #expect(isSame) }
        }
    }

    @Test func listsOfEncodingsAreRead() {
        func read(_ text: String) -> CompressionSet {
            Array(text.utf8).withUnsafeBufferPointer(Encodings.compressions)
        }
        #expect(read("gzip") == CompressionSet(.gzip))
        var both = CompressionSet(.gzip)
        both.formUnion(CompressionSet(.deflate))
        #expect(read("identity, deflate ,\tgzip") == both)
        #expect(both.allows(.gzip) && both.allows(.deflate) && both.allows(.identity))
        #expect(!CompressionSet(.gzip).allows(.deflate) && CompressionSet().allows(.identity))
        #expect(read("").isEmpty && read(",,").isEmpty && read("identity").isEmpty)
        #expect(read("GZIP, xgzip, gzip2, br").isEmpty)
        var memory = AcceptedEncodings()
        for text in ["gzip", "gzip", "deflate", "", "gzip", String(repeating: "x,", count: 500) + "gzip"] {
            #expect(Array(text.utf8).withUnsafeBufferPointer { memory.meaning(of: $0) } == read(text))
        }
    }
}

extension [UInt8] {
    fileprivate func withRaw<Value, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try span.bytes.withUnsafeBytes(body)
    }
}
