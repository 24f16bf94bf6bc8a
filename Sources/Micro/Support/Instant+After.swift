extension ContinuousClock.Instant {
    /// The longest that anything waits: about a hundred years.
    private static let longest = Duration.seconds(3_200_000_000)

    /// Returns the moment some time from now, which is in the past for a negative time.
    ///
    /// A duration that somebody gave may be longer than the clock can add.
    static func after(_ duration: Duration) -> Self {
        .now + max(min(duration, longest), .zero - longest)
    }
}
