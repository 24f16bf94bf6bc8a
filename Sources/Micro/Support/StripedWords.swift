internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Numbers that many threads add to at once without waiting for each other.
///
/// Each of a few stripes has a word for each number, in cache lines that no other stripe has. A thread adds to the
/// stripe that its identity leads to, and a reader sums them up.
package final class StripedWords: Sendable {
    private static let stripeBits = 2
    private static let stripes = 1 << stripeBits
    private static let lineWords = 8

    /// How many numbers there are.
    package let count: Int

    private let stride: Int

    // Sound because the words are atomic, belong to this object alone, and live as long as it does.
    private nonisolated(unsafe) let words: UnsafeMutablePointer<Atomic<Int>>

    /// Creates numbers that are all 0.
    ///
    /// - Parameter count: How many there are.
    package init(count: Int) {
        self.count = count
        stride = (count + Self.lineWords - 1) / Self.lineWords * Self.lineWords
        let size = stride * Self.stripes
        words =
            UnsafeMutableRawPointer
            .allocate(byteCount: size * MemoryLayout<Atomic<Int>>.stride, alignment: 64)
            .bindMemory(to: Atomic<Int>.self, capacity: size)
        for position in 0..<size { (words + position).initialize(to: Atomic(0)) }
    }

    deinit {
        words.deinitialize(count: stride * Self.stripes)
        UnsafeMutableRawPointer(words).deallocate()
    }

    /// Adds to a number; beyond the greatest one it begins anew, which takes centuries.
    ///
    /// - Parameters:
    ///   - amount: How much, which may be below zero.
    ///   - index: Which number.
    package func add(_ amount: Int, at index: Int) {
        precondition(index >= 0 && index < count)
        words[Self.stripe &* stride &+ index].wrappingAdd(amount, ordering: .relaxed)
    }

    /// Returns a number as it is now.
    ///
    /// - Parameter index: Which number.
    /// - Returns: The number.
    package func sum(at index: Int) -> Int {
        precondition(index >= 0 && index < count)
        return (0..<Self.stripes).reduce(0) { $0 &+ words[$1 * stride + index].load(ordering: .relaxed) }
    }

    /// The stripe of the calling thread.
    private static var stripe: Int {
        // The descriptors of threads lie in pages of their own, so the low bits say nothing.
        #if canImport(Glibc)
            let thread = UInt(pthread_self()) >> 12
        #else
            let thread = UInt(bitPattern: pthread_self()) >> 12
        #endif
        return Int(truncatingIfNeeded: (thread &* 0x9E37_79B9_7F4A_7C15) >> UInt(64 - stripeBits))
    }
}
