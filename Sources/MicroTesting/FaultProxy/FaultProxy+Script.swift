extension FaultProxy {
    /// What becomes of each connection.
    ///
    /// ```swift
    /// // Half a second after a connection was opened, answers are held back for a second.
    /// let script: FaultProxy.Script = [
    ///     .wait(.milliseconds(500)), .conditions(.stalled, .toClient),
    ///     .wait(.seconds(1)), .conditions(.normal, .toClient),
    /// ]
    /// ```
    public struct Script: Sendable, ExpressibleByArrayLiteral {
        /// What chance follows from.
        let seed: UInt64

        private let make: @Sendable (_ connection: Int, _ network: Network) -> [Step]

        /// Creates a script in which connections differ.
        ///
        /// - Parameters:
        ///   - seed: What chance follows from: the jitter of conditions, and which bytes and datagrams they affect.
        ///   - steps: Returns what becomes of a connection, step by step. It is given the connection's number, from 0 on in
        ///     the order in which clients opened them.
        public init(seed: UInt64 = 0, _ steps: @escaping @Sendable (_ connection: Int) -> [Step]) {
            self.seed = seed
            make = { connection, _ in steps(connection) }
        }

        /// Creates a script of what becomes of every connection, step by step.
        public init(arrayLiteral steps: Step...) { self.init { _ in steps } }

        private init(seed: UInt64, make: @escaping @Sendable (Int, Network) -> [Step]) {
            self.seed = seed
            self.make = make
        }

        /// All connections pass as they are.
        public static var none: Self { [] }

        /// Draws what becomes of each connection by chance, and the same for the same seed.
        ///
        /// Connections of TCP are delayed, throttled, stalled and perhaps cut or half-closed; their bytes are not changed,
        /// which TCP's checksums see to. Datagrams are delayed, throttled, lost, duplicated and reordered. A test that fails
        /// shows its seed, and what ``steps(of:over:)`` are.
        ///
        /// - Parameter seed: The seed.
        /// - Returns: The script.
        public static func seeded(_ seed: UInt64) -> Self {
            Self(seed: seed) { connection, network in
                var random = SeededGenerator(seed, connection)
                return random.steps(over: network)
            }
        }

        /// Returns what becomes of a connection.
        ///
        /// - Parameters:
        ///   - connection: The connection's number, from 0 on.
        ///   - network: What is relayed.
        /// - Returns: The steps, one after the other.
        public func steps(of connection: Int, over network: Network = .tcp) -> [Step] {
            make(connection, network)
        }
    }

    /// A step of what becomes of a connection.
    public enum Step: Hashable, Sendable {
        /// Bytes travel in another way from now on, in one direction or, with `nil`, in both.
        case conditions(Conditions, Direction? = nil)

        /// The next step comes when exactly so many further bytes have passed; a datagram passes as a whole.
        case pass(Int, Direction)

        /// The next step comes after some time.
        case wait(Duration)

        /// Nothing more passes in one direction (FIN), also of what is on its way; the other one goes on.
        case halfClose(Direction)

        /// The connection is reset (RST) on both sides.
        case cut
    }
}

extension SeededGenerator {
    /// Draws what becomes of a connection.
    fileprivate mutating func steps(over network: FaultProxy.Network) -> [FaultProxy.Step] {
        var steps: [FaultProxy.Step] = []
        for _ in 0..<Int.random(in: 2...6, using: &self) {
            let direction =
                [nil, FaultProxy.Direction.toServer, .toClient].randomElement(using: &self) ?? nil
            steps.append(.wait(milliseconds(0...100)))
            steps.append(.conditions(conditions(network), direction))
            steps.append(.wait(milliseconds(10...200)))
            steps.append(.conditions(.normal))
        }
        guard network == .tcp else { return steps }
        let direction: FaultProxy.Direction = Bool.random(using: &self) ? .toServer : .toClient
        switch Int.random(in: 0..<4, using: &self) {
        case 0, 1: steps += [.pass(Int.random(in: 1...65_536, using: &self), direction), .cut]
        case 2: steps += [.pass(Int.random(in: 1...65_536, using: &self), direction), .halfClose(direction)]
        default: break
        }
        return steps
    }

    private mutating func conditions(_ network: FaultProxy.Network) -> FaultProxy.Conditions {
        switch (Int.random(in: 0..<3, using: &self), network) {
        case (0, _): .init(latency: milliseconds(1...50), jitter: milliseconds(0...50))
        case (1, _): .init(bytesPerSecond: Int.random(in: 1_000...1_000_000, using: &self))
        case (_, .tcp): .stalled
        case (_, .udp):
            .init(
                loss: Double.random(in: 0...0.3, using: &self),
                duplication: Double.random(in: 0...0.3, using: &self),
                reordering: Double.random(in: 0...0.3, using: &self))
        }
    }

    private mutating func milliseconds(_ range: ClosedRange<Int>) -> Duration {
        .milliseconds(Int.random(in: range, using: &self))
    }
}
