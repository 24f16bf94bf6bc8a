#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The time of day.
enum WallClock {
    /// Nanoseconds since 1970.
    static var nanoseconds: UInt64 {
        var time = timespec()
        // Sound because the call fills in the structure that it is given, for its own length.
        guard clock_gettime(CLOCK_REALTIME, &time) == 0 else { return 0 }
        return UInt64(max(0, time.tv_sec)) &* 1_000_000_000 &+ UInt64(max(0, time.tv_nsec))
    }

    /// Seconds since 1970.
    static var seconds: Int64 { Int64(nanoseconds / 1_000_000_000) }
}
