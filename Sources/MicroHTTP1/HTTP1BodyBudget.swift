import Synchronization

/// The budget for the bodies of requests that belong together, from their arrival to their answer.
///
/// Room is taken as bytes arrive, so a request that was announced and doesn't come takes none. Bytes that find
/// no room are not read on until others have left: so their sender waits. Each address has a share, beyond which
/// its requests wait for each other alone. Who waits for one budget does not hold up another one.
///
/// Requests that are not complete could use a budget up and then all wait for each other. The oldest of them goes on
/// if no complete one will make room, so a budget holds one body more than its limit at most.
package final class HTTP1BodyBudget: Sendable {
    private struct Request {
        let address: String
        var bytes = 0
        var isComplete = false

        /// What has arrived and exceeds the budget.
        var waiting: (bytes: Int, enter: @Sendable () -> Void)?
    }

    /// How much is held, and how much of it by complete requests, which leave once they are answered.
    private struct Sum {
        var bytes = 0
        var complete = 0
    }

    private struct State {
        var requests: [Int: Request] = [:]
        var all = Sum()
        var addresses: [String: Sum] = [:]
        var waiters = 0
        var lastNumber = 0

        mutating func add(_ bytes: Int, complete: Int, of address: String) {
            all.bytes += bytes
            all.complete += complete
            var sum = addresses[address] ?? Sum()
            sum.bytes += bytes
            sum.complete += complete
            addresses[address] = sum.bytes > 0 ? sum : nil
        }
    }

    private let limit: Int
    private let share: Int
    private let state = Mutex(State())

    /// Creates a budget of which nothing is used.
    ///
    /// - Parameters:
    ///   - limit: How many bytes there is room for.
    ///   - share: How many of them for one address; a quarter if `nil`.
    package init(limit: Int = 64 << 20, share: Int? = nil) {
        self.limit = limit
        self.share = share ?? limit / 4
    }

    /// How many bytes are held.
    package var bytes: Int { state.withLock(\.all.bytes) }

    /// Lets a request in when its first bytes have arrived; who comes later never goes before it.
    ///
    /// - Parameter address: The address of its sender, without the port.
    /// - Returns: The number to go on with.
    func enter(from address: String) -> Int {
        state.withLock { state in
            state.lastNumber += 1
            state.requests[state.lastNumber] = Request(address: address)
            return state.lastNumber
        }
    }

    /// Takes room for bytes of a request that have arrived, now or later.
    ///
    /// - Parameters:
    ///   - bytes: How many.
    ///   - number: The request's number; none of its bytes wait.
    ///   - later: Called when there is room, if there isn't now.
    /// - Returns: Whether there is room now.
    func take(_ bytes: Int, for number: Int, later: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            state.requests[number]?.waiting = (bytes, later)
            state.waiters += 1
            // Who waits already, and is older, comes first.
            let isBehind =
                state.waiters > 1
                && state.requests.contains { other, request in
                    other < number && request.waiting.map { !fits($0.bytes, other, state) } == true
                }
            guard !isBehind else { return false }
            return admit(number, &state)
        }
    }

    /// Says that all of a request has arrived.
    func complete(_ number: Int) {
        resume {
            guard let request = $0.requests[number], !request.isComplete else { return }
            $0.requests[number]?.isComplete = true
            $0.add(0, complete: request.bytes, of: request.address)
        }
    }

    /// Gives a request's room back; doing so again changes nothing.
    func leave(_ number: Int) {
        resume {
            guard let request = $0.requests.removeValue(forKey: number) else { return }
            if request.waiting != nil { $0.waiters -= 1 }
            $0.add(-request.bytes, complete: request.isComplete ? -request.bytes : 0, of: request.address)
        }
    }

    /// Changes something, and lets in who has room now.
    private func resume(_ change: (inout sending State) -> Void) {
        let admitted = state.withLock { state -> [@Sendable () -> Void] in
            change(&state)
            guard state.waiters > 0 else { return [] }
            var admitted: [@Sendable () -> Void] = []
            for number in state.requests.filter({ $0.value.waiting != nil }).keys.sorted() {
                guard let waiting = state.requests[number]?.waiting else { continue }
                if admit(number, &state) {
                    admitted.append(waiting.enter)
                } else if !fits(waiting.bytes, number, state) {
                    break
                }
            }
            return admitted
        }
        for enter in admitted { enter() }
    }

    /// Lets the bytes in that wait, if there is room for them in the budget and in the address's share.
    private func admit(_ number: Int, _ state: inout State) -> Bool {
        guard let request = state.requests[number], let (bytes, _) = request.waiting,
            fits(bytes, number, state)
        else { return false }
        let sum = state.addresses[request.address] ?? Sum()
        let fitsShare =
            bytes <= share - sum.bytes || sum.complete == 0 && isOldest(number, of: request.address, state)
        guard fitsShare else { return false }
        state.requests[number]?.waiting = nil
        state.requests[number]?.bytes += bytes
        state.waiters -= 1
        state.add(bytes, complete: 0, of: request.address)
        return true
    }

    /// Whether there is room for bytes, whosever they are.
    private func fits(_ bytes: Int, _ number: Int, _ state: State) -> Bool {
        bytes <= limit - state.all.bytes || state.all.complete == 0 && isOldest(number, of: nil, state)
    }

    private func isOldest(_ number: Int, of address: String?, _ state: State) -> Bool {
        !state.requests.contains { other, request in
            other < number && !request.isComplete && (address == nil || request.address == address)
        }
    }
}
