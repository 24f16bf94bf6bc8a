import Synchronization

/// Where an endpoint's handler runs.
///
/// A handler that runs in place, on the thread of its connection, answers soonest: nothing is handed
/// to another thread. One that computes for long would keep its neighbours waiting there, and runs on
/// Swift's global pool instead. Each endpoint has one execution policy, shared by all its calls.
public final class ExecutionPolicy: Sendable {
    /// How the thread is chosen.
    public struct Choice: Hashable, Sendable {
        private enum Kind { case inPlace, globalPool, automatic }

        private let kind: Kind

        /// Always on the connection's thread.
        public static var inPlace: Self { Self(kind: .inPlace) }

        /// Always on the global pool.
        public static var globalPool: Self { Self(kind: .globalPool) }

        /// On the connection's thread as long as the handler takes below 50 µs on average; on the
        /// global pool from there until it takes below 25 µs.
        ///
        /// A call whose first message is large goes to the pool unless the endpoint's large messages have shown that
        /// such a one is dealt with soon: decoding it may take much longer than any other. One of 1 MiB or more
        /// always does.
        public static var automatic: Self { Self(kind: .automatic) }

        fileprivate var isAutomatic: Bool { kind == .automatic }
        fileprivate var startsOnPool: Bool { kind == .globalPool }
    }

    /// The mean time, in nanoseconds, above which a handler moves to the pool.
    private static let moveAbove: Int64 = 50_000

    /// The mean time, in nanoseconds, below which a handler moves back.
    private static let returnBelow: Int64 = 25_000

    /// The time, in nanoseconds, from which on holding a connection's thread is worth a report.
    private static let longHold: Int64 = 100_000_000

    /// The most that one sample counts, in nanoseconds.
    ///
    /// A thread that loses its core to another program seems to have held it for milliseconds. One such
    /// sample, or a few, must not move a handler.
    private static let greatestSample: Int64 = 4 * moveAbove

    /// The number of samples over which the mean is taken, as a power of two.
    private static let weight = 4

    /// The size, in bytes, from which on a message is large.
    private static let largeMessage = 64 << 10

    /// The size, in bytes, from which on a message is never decoded in place.
    private static let greatestInPlace = 1 << 20

    /// How long, in nanoseconds, a large message may be expected to hold a connection's thread.
    private static let largeHold: Int64 = 500_000

    /// The most that one sample of a large message counts, in nanoseconds for each KiB: four times what keeps the
    /// smallest of them in place, for the same reason as ``greatestSample``.
    private static let greatestLargeSample = 4 * largeHold / Int64(largeMessage >> 10)

    private let isAutomatic: Bool
    private let onPool: Atomic<Bool>
    private let mean = Atomic<Int64>(0)

    /// The mean time of calls with large messages, in nanoseconds for each KiB.
    ///
    /// Before any was measured they are taken for expensive ones.
    private let largeMean = Atomic<Int64>(greatestLargeSample)
    private let hasHeldLong = Atomic<Bool>(false)

    /// Creates the execution policy of one endpoint.
    ///
    /// - Parameter choice: How the thread is chosen.
    public init(_ choice: Choice = .automatic) {
        isAutomatic = choice.isAutomatic
        onPool = Atomic(choice.startsOnPool)
    }

    /// Whether the next call runs on the global pool.
    public var usesPool: Bool { onPool.load(ordering: .relaxed) }

    /// Whether the next call runs on the global pool, given the message that is decoded first.
    ///
    /// - Parameter messageSize: The message's size in bytes.
    /// - Returns: Whether it does.
    public func usesPool(messageSize: Int) -> Bool {
        if usesPool { return true }
        guard isAutomatic, messageSize >= Self.largeMessage else { return false }
        return messageSize >= Self.greatestInPlace
            || Int64(messageSize >> 10) * largeMean.load(ordering: .relaxed) > Self.largeHold
    }

    /// Records how long a handler kept its thread.
    ///
    /// Two threads that note at once may lose one of the two samples, which the mean survives.
    ///
    /// - Parameters:
    ///   - nanoseconds: The time from the handler's start to its first suspension or its end.
    ///   - messageSize: The size in bytes of the message that was decoded first.
    /// - Returns: Whether this is the endpoint's first handler that took over 100 ms, which is to be
    ///   reported if it ran in place.
    @discardableResult
    public func note(nanoseconds: Int64, messageSize: Int = 0) -> Bool {
        if isAutomatic {
            move(nanoseconds)
            if messageSize >= Self.largeMessage { learn(nanoseconds / Int64(messageSize >> 10)) }
        }
        return nanoseconds > Self.longHold && !hasHeldLong.exchange(true, ordering: .relaxed)
    }

    private func learn(_ nanosecondsPerKiB: Int64) {
        let old = largeMean.load(ordering: .relaxed)
        largeMean.store(
            old + (min(nanosecondsPerKiB, Self.greatestLargeSample) - old) >> Self.weight, ordering: .relaxed)
    }

    private func move(_ nanoseconds: Int64) {
        let old = mean.load(ordering: .relaxed)
        let new = old + (min(nanoseconds, Self.greatestSample) - old) >> Self.weight
        mean.store(new, ordering: .relaxed)
        if new > Self.moveAbove {
            if !usesPool { onPool.store(true, ordering: .relaxed) }
        } else if new < Self.returnBelow {
            if usesPool { onPool.store(false, ordering: .relaxed) }
        }
    }
}
