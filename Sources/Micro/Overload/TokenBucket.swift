internal import Synchronization

/// A token bucket as one number: the moment at which it will be full again (the generic cell rate algorithm).
struct TokenSchedule: Sendable {
    private let interval: Int64
    private let tolerance: Int64

    /// Creates the schedule of a rate.
    init(_ rate: CallRate) {
        interval = Int64(min(max(1e9 / rate.perSecond, 1), 1e12))
        tolerance = interval * Int64(min(max(rate.burst, 1), 1_000_000))
    }

    /// Takes a token.
    ///
    /// - Parameters:
    ///   - full: When the bucket will be full again.
    ///   - now: The present moment, in nanoseconds.
    /// - Returns: When it will be full then, or in how many nanoseconds there will be a token.
    func take(full: Int64, at now: Int64) -> Take {
        // A bucket can't be emptier than empty: the clock went back, and there is no telling how full it is.
        let full = full > now + tolerance ? now : max(full, now)
        let later = full + interval
        return later - now <= tolerance ? .taken(full: later) : .empty(wait: later - now - tolerance)
    }

    /// What came of taking a token.
    enum Take: Hashable, Sendable {
        case taken(full: Int64)
        case empty(wait: Int64)
    }
}

/// A token bucket that all calls share.
final class TokenBucket: Sendable {
    private let schedule: TokenSchedule
    private let full = Atomic<Int64>(0)

    /// Creates a full bucket.
    init(_ rate: CallRate) { schedule = TokenSchedule(rate) }

    /// Takes a token.
    ///
    /// - Parameter now: The present moment, in nanoseconds.
    /// - Returns: In how many nanoseconds there will be one; `nil` if there was.
    func take(at now: Int64) -> Int64? {
        var old = full.load(ordering: .relaxed)
        while true {
            switch schedule.take(full: old, at: now) {
            case .empty(let wait): return wait
            case .taken(let new):
                let (isExchanged, current) = full.weakCompareExchange(
                    expected: old, desired: new, ordering: .relaxed)
                if isExchanged { return nil }
                old = current
            }
        }
    }
}

/// A token bucket for each caller, of which there are a bounded number.
///
/// Callers choose their names, so a table of them has to end somewhere. Who finds no place in it shares one bucket with
/// all others of whom that is true. Callers whose bucket is full again need no place.
final class CallerBuckets: Sendable {
    /// How many callers have a bucket of their own.
    static let capacity = 1024

    /// How much of a name counts, in bytes.
    private static let nameLimit = 128

    private struct State {
        var full: [String: Int64] = [:]
        var shared: Int64 = 0
        var nextCleaning: Int64 = .min
    }

    private let schedule: TokenSchedule
    private let state = Mutex(State())

    /// Creates a table without callers.
    init(_ rate: CallRate) { schedule = TokenSchedule(rate) }

    /// Takes a caller's token.
    ///
    /// - Parameters:
    ///   - caller: The caller's name.
    ///   - now: The present moment, in nanoseconds.
    /// - Returns: In how many nanoseconds there will be one; `nil` if there was.
    func take(_ caller: String, at now: Int64) -> Int64? {
        let name = caller.utf8.count <= Self.nameLimit ? caller : String(caller.prefix(Self.nameLimit / 4))
        return state.withLock { state in
            if state.full[name] == nil, state.full.count >= Self.capacity { clean(&state, at: now) }
            let isListed = state.full[name] != nil || state.full.count < Self.capacity
            let full = isListed ? state.full[name] ?? 0 : state.shared
            switch schedule.take(full: full, at: now) {
            case .empty(let wait): return wait
            case .taken(let new):
                if isListed { state.full[name] = new } else { state.shared = new }
                return nil
            }
        }
    }

    /// How many callers have a bucket of their own now.
    var count: Int { state.withLock { $0.full.count } }

    private func clean(_ state: inout State, at now: Int64) {
        guard now >= state.nextCleaning else { return }
        state.nextCleaning = now + 100_000_000
        state.full = state.full.filter { $0.value > now }
    }
}
