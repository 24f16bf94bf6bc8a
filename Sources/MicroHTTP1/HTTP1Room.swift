import Synchronization

/// The room for the bodies of requests that belong together, from their arrival to their answer.
///
/// A server reserves a body's length before it reads the body. A request that finds no room is not read
/// until others have left, in turn: so its sender waits, and it takes no memory meanwhile. Who waits in one
/// room does not hold up another one.
package final class HTTP1Room: Sendable {
    private struct Waiter {
        let number: Int
        let bytes: Int
        let enter: @Sendable () -> Void
    }

    private struct State {
        var inside: [Int: Int] = [:]
        var bytes = 0
        var waiting: [Waiter] = []
        var lastNumber = 0
    }

    private let limit: Int
    private let state = Mutex(State())

    /// Creates an empty room.
    ///
    /// - Parameter limit: How many bytes there is room for. One request alone may have more.
    package init(limit: Int = 64 << 20) { self.limit = limit }

    /// Lets a request in, now or later.
    ///
    /// - Parameters:
    ///   - bytes: The greatest length of its body.
    ///   - later: Called when it is let in, if it isn't now.
    /// - Returns: The number to leave with, and whether it is let in now.
    func enter(_ bytes: Int, later: @escaping @Sendable () -> Void) -> (number: Int, isInside: Bool) {
        state.withLock { state in
            state.lastNumber += 1
            let number = state.lastNumber
            let isInside = state.waiting.isEmpty && hasRoom(state, for: bytes)
            if isInside {
                add(number, bytes, &state)
            } else {
                state.waiting.append(Waiter(number: number, bytes: bytes, enter: later))
            }
            return (number, isInside)
        }
    }

    /// Gives a request's room back, or its turn; doing so again changes nothing.
    func leave(_ number: Int) {
        let admitted = state.withLock { state in
            if let bytes = state.inside.removeValue(forKey: number) {
                state.bytes -= bytes
            } else {
                state.waiting.removeAll { $0.number == number }
            }
            var admitted: [Waiter] = []
            while let waiter = state.waiting.first, hasRoom(state, for: waiter.bytes) {
                add(waiter.number, waiter.bytes, &state)
                admitted.append(state.waiting.removeFirst())
            }
            return admitted
        }
        for waiter in admitted { waiter.enter() }
    }

    private func hasRoom(_ state: State, for bytes: Int) -> Bool {
        state.bytes == 0 || bytes <= limit - state.bytes
    }

    private func add(_ number: Int, _ bytes: Int, _ state: inout State) {
        state.inside[number] = bytes
        state.bytes += bytes
    }
}
