#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A moment on the machine's monotonic clock, in nanoseconds.
///
/// `ContinuousClock.Instant`, which the public API uses, is laid out by the standard library at run
/// time, and so is every value that contains one: on the hot path that costs more than the
/// handler. This one has a fixed layout, and is NIO's `NIODeadline` by another name.
package struct Uptime: Hashable, Comparable, Sendable {
    /// The nanoseconds since an unspecified moment.
    package var nanoseconds: Int64

    /// Creates a moment.
    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// The present moment.
    package static var now: Uptime {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Uptime(nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
    }

    /// Creates the moment that corresponds to an instant.
    package init(_ instant: ContinuousClock.Instant) {
        let left = ContinuousClock.now.duration(to: instant).nanosecondsClamped
        let (sum, overflow) = Uptime.now.nanoseconds.addingReportingOverflow(left)
        nanoseconds = overflow ? (left < 0 ? .min : .max) : sum
    }

    /// The instant that corresponds to the moment.
    package var instant: ContinuousClock.Instant {
        ContinuousClock.now.advanced(by: .nanoseconds(nanoseconds.subtractingClamped(Uptime.now.nanoseconds)))
    }

    /// The nanoseconds until the moment, a year at most; below zero if it has passed.
    package var timeLeft: Int64 {
        min(nanoseconds.subtractingClamped(Uptime.now.nanoseconds), 365 * 24 * 3600 * 1_000_000_000)
    }

    /// Orders moments in time.
    package static func < (left: Uptime, right: Uptime) -> Bool { left.nanoseconds < right.nanoseconds }
}

extension Duration {
    /// The duration in nanoseconds, or the greatest or least number that there is.
    package var nanosecondsClamped: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, sumOverflow) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return sumOverflow ? .max : sum
    }
}

extension Int64 {
    fileprivate func subtractingClamped(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}
