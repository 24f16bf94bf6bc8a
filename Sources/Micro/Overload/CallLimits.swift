import MicroCore

/// How many calls a service or an endpoint takes: at once, in a second, and in a second from one caller.
///
/// ```swift
/// MicroService("greeter", limits: CallLimits(concurrency: 500, callerRate: .perSecond(100))) {
///     Endpoint("Greeter.Export") { (request: Export, context) in … }.limited(concurrency: 4, rate: .perSecond(2))
/// }
/// ```
///
/// Configuration goes before code: see `docs/Overload.md`. Internal endpoints, such as health, are never limited.
public struct CallLimits: Hashable, Sendable {
    /// How many calls may be in flight, streams included; any number if `nil`.
    ///
    /// For an endpoint further calls wait a moment for their turn, but not streams. For a service they are refused.
    public var concurrency: Int?

    /// How many calls may begin in a second; any number if `nil`.
    public var rate: CallRate?

    /// How many calls one caller may begin in a second; any number if `nil`.
    ///
    /// A caller is the first name of its certificate, or else the name that it gives as `micro-from-service`, which
    /// nobody has checked. Those without either count as one.
    public var callerRate: CallRate?

    /// Creates limits.
    ///
    /// - Parameters:
    ///   - concurrency: How many calls may be in flight.
    ///   - rate: How many may begin in a second.
    ///   - callerRate: How many one caller may begin in a second.
    public init(concurrency: Int? = nil, rate: CallRate? = nil, callerRate: CallRate? = nil) {
        self.concurrency = concurrency
        self.rate = rate
        self.callerRate = callerRate
    }

    /// Returns the limits with those of others in place of what they say as well.
    func overridden(by others: CallLimits) -> CallLimits {
        CallLimits(
            concurrency: others.concurrency ?? concurrency, rate: others.rate ?? rate,
            callerRate: others.callerRate ?? callerRate)
    }

    /// Checks that there is a call that the limits let in.
    ///
    /// - Parameter owner: What has the limits, for the error.
    /// - Throws: A ``StartError`` for a limit that lets nothing in.
    func check(_ owner: String) throws(StartError) {
        if let concurrency, !CallLimits.concurrencies.contains(concurrency) {
            throw StartError(
                .invalidConfiguration,
                "The limit of concurrent calls of \(owner) is \(concurrency); it must be a number from 1 to "
                    + "\(CallLimits.concurrencies.upperBound), or nil for none.")
        }
        for rate in [rate, callerRate].compactMap(\.self) where !rate.isUsable {
            throw StartError(
                .invalidConfiguration,
                "A rate limit of \(owner) is \(rate.description); it must be \(CallRate.takes).")
        }
    }

    /// The limits on calls in flight that make sense.
    static let concurrencies = 1...1_000_000
}

/// How many calls may begin in a second, and how many at once after a pause: a token bucket.
public struct CallRate: Hashable, Sendable {
    /// How many calls may begin in a second, in the long run.
    public var perSecond: Double

    /// How many may begin at once.
    public var burst: Int

    /// Creates a rate.
    ///
    /// - Parameters:
    ///   - number: How many calls may begin in a second, in the long run; 0.5 is one in two seconds.
    ///   - burst: How many may begin at once; as many as in a second if `nil`.
    /// - Returns: The rate.
    public static func perSecond(_ number: Double, burst: Int? = nil) -> CallRate {
        CallRate(
            perSecond: number, burst: burst ?? (rates.contains(number) ? max(1, Int(number.rounded(.up))) : 1)
        )
    }

    private static let rates = 0.001...1e6

    /// What a rate has to be, behind "it must be".
    static let takes = "calls a second from 0.001 to 1000000, with a burst of 1 to 1000000 such as 100/20"

    /// Whether it lets calls in, and some time passes between them.
    var isUsable: Bool { Self.rates.contains(perSecond) && (1...1_000_000).contains(burst) }

    /// The rate as somebody would set it.
    var description: String {
        "\(perSecond == perSecond.rounded() ? "\(Int64(clamping: perSecond))" : "\(perSecond)")/\(burst)"
    }

    /// Reads `100`, or `100/20` with a burst.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let number = Double(parts[0]) else { return nil }
        self = .perSecond(number)
        if parts.count == 2 {
            guard let burst = Int(parts[1]) else { return nil }
            self.burst = burst
        }
        guard isUsable else { return nil }
    }

    private init(perSecond: Double, burst: Int) {
        self.perSecond = perSecond
        self.burst = burst
    }
}

extension Int64 {
    /// The number without its fraction, or the greatest or least one that there is; 0 for none.
    fileprivate init(clamping number: Double) {
        self = number.isNaN ? 0 : Int64(Swift.max(-9e18, Swift.min(9e18, number)))
    }
}
