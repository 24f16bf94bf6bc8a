extension FaultProxy {
    /// How bytes travel in one direction.
    ///
    /// ```swift
    /// try await withFaultProxy(to: "127.0.0.1:2379") { proxy in
    ///     await proxy.set(FaultProxy.Conditions(latency: .milliseconds(50), bytesPerSecond: 10_000), .toClient)
    /// }
    /// ```
    ///
    /// Chance follows from the seed of the proxy's ``Script``, the number of the connection and the direction alone: the
    /// same bytes are changed, and the same datagrams lost, in every run.
    public struct Conditions: Hashable, Sendable {
        /// What becomes of what is sent.
        public enum Flow: Hashable, Sendable {
            /// It arrives.
            case passing

            /// It waits: nothing is read, so a sender that sends on finds its buffers full. Nothing is lost.
            case stalled

            /// It is read and thrown away, also the end of a connection; the sender notices nothing.
            case swallowed
        }

        /// What becomes of what is sent.
        public var flow: Flow

        /// How long everything takes.
        public var latency: Duration

        /// How much longer it takes at most, by chance; the order is kept.
        public var jitter: Duration

        /// How many bytes pass in a second; `nil` for as many as come.
        public var bytesPerSecond: Int?

        /// The share of the bytes of which one bit is changed, from 0 to 1.
        public var corruption: Double

        /// The share of the datagrams that are lost.
        public var loss: Double

        /// The share of the datagrams that arrive twice.
        public var duplication: Double

        /// The share of the datagrams that arrive after the one behind them.
        public var reordering: Double

        /// Creates conditions.
        ///
        /// - Parameters:
        ///   - flow: What becomes of what is sent.
        ///   - latency: How long everything takes.
        ///   - jitter: How much longer it takes at most, by chance.
        ///   - bytesPerSecond: How many bytes pass in a second.
        ///   - corruption: The share of the bytes of which one bit is changed.
        ///   - loss: The share of the datagrams that are lost; connections of TCP lose nothing.
        ///   - duplication: The share of the datagrams that arrive twice.
        ///   - reordering: The share of the datagrams that arrive after the one behind them.
        public init(
            flow: Flow = .passing, latency: Duration = .zero, jitter: Duration = .zero,
            bytesPerSecond: Int? = nil, corruption: Double = 0, loss: Double = 0, duplication: Double = 0,
            reordering: Double = 0
        ) {
            self.flow = flow
            self.latency = latency
            self.jitter = jitter
            self.bytesPerSecond = bytesPerSecond
            self.corruption = corruption
            self.loss = loss
            self.duplication = duplication
            self.reordering = reordering
        }

        /// Everything passes as it is.
        public static var normal: Self { Self() }

        /// Everything waits until the conditions change.
        public static var stalled: Self { Self(flow: .stalled) }

        /// Everything is thrown away.
        public static var swallowed: Self { Self(flow: .swallowed) }
    }
}

/// What there is of each direction.
struct Both<Value> {
    var toServer: Value
    var toClient: Value

    subscript(_ direction: FaultProxy.Direction) -> Value {
        get { direction == .toServer ? toServer : toClient }
        set { if direction == .toServer { toServer = newValue } else { toClient = newValue } }
    }
}

extension Both: Sendable where Value: Sendable {}

extension FaultProxy.Direction {
    var opposite: Self { self == .toServer ? .toClient : .toServer }
}
