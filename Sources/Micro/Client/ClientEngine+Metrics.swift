import MicroCore

extension ClientEngine {
    /// Makes a call with one message each way, measured if anybody wants that.
    @inline(__always)
    func measuredUnary(
        _ route: CallRoute, _ message: EncodedMessage, _ options: CallOptions,
        deadline: ContinuousClock.Instant, metadata: Metadata
    ) async throws(MicroError) -> UnaryReply {
        guard let instruments = route.instruments else {
            return try await unary(route, message, options, deadline: deadline, metadata: metadata)
        }
        let start = Uptime.now
        instruments.began()
        instruments.request(message.count)
        do throws(MicroError) {
            let reply = try await unary(route, message, options, deadline: deadline, metadata: metadata)
            instruments.response(reply.message.count)
            instruments.ended(from: start, to: .now, .ok) { metadata }
            return reply
        } catch {
            instruments.ended(from: start, to: .now, error.status) { metadata }
            throw error
        }
    }

    /// Makes a streaming call, measured if anybody wants that.
    ///
    /// - Parameters:
    ///   - route: Where the call goes.
    ///   - metadata: What goes with it.
    ///   - body: Makes the call, with what is to be put around its stream.
    /// - Returns: What the closure returned.
    /// - Throws: What the closure threw.
    func measuredStream<Result>(
        _ route: CallRoute, _ metadata: Metadata,
        _ body: ((any ClientCallStream) -> any ClientCallStream) async throws -> Result
    ) async throws -> Result {
        guard let instruments = route.instruments else { return try await body { $0 } }
        let start = Uptime.now
        instruments.began()
        do {
            let result = try await body { ObservedClientStream($0, instruments) }
            instruments.ended(from: start, to: .now, .ok) { metadata }
            return result
        } catch {
            let status = (error as? MicroError)?.status ?? .cancelled
            instruments.ended(from: start, to: .now, status) { metadata }
            throw error
        }
    }

    /// Has the pool and what the registry tells observed.
    func observe(_ pool: ConnectionPool) {
        guard let metrics else { return }
        let own = metrics.labels([:])
        metrics.observe(.connections) { [weak pool] in
            guard let (open, used) = pool?.counts else { return [] }
            return [("used", used), ("idle", open - used)].map {
                MetricReading(Double($0.1), labels: own + [(MetricLabels.state, $0.0)])
            }
        }
        metrics.observe(.connectionsOpened) { [weak pool] in
            pool.map { [MetricReading(Double($0.totals.opened), labels: own)] } ?? []
        }
        metrics.observe(.connectionsClosed) { [weak pool] in
            pool.map { [MetricReading(Double($0.totals.closed), labels: own)] } ?? []
        }
        metrics.observe(.knownNodes) { [weak self] in
            self?.discovered(own) { $0.snapshot.map { Double($0.slots.count) } } ?? []
        }
        metrics.observe(.registryAge) { [weak self] in
            let now = Uptime.now
            return self?.discovered(own) { service in
                service.lastChange.map { Double(now.nanoseconds &- $0.nanoseconds) / 1e9 }
            } ?? []
        }
        metrics.observe(.clientActive) { [weak metrics] in
            metrics?.client.all.map { MetricReading(Double($0.activeCalls), labels: $0.labels) } ?? []
        }
    }

    /// A value of each service that is called, of which as many are shown as there are instruments at most.
    private func discovered(
        _ own: [(String, String)], _ value: (DiscoveredService) -> Double?
    ) -> [MetricReading] {
        services.sorted { $0.service < $1.service }.prefix(InstrumentTable<CallInstruments>.limit)
            .compactMap { service in
                value(service).map {
                    MetricReading($0, labels: own + [(MetricLabels.server, service.service)])
                }
            }
    }
}

extension EngineMetrics {
    /// Returns the instruments of a method that the client calls.
    func instruments(_ service: String, _ endpoint: String) -> CallInstruments {
        client.instruments("\(service)/\(endpoint)") { name in
            let other = MetricLabels.other
            return CallInstruments(
                self, .client(service: name == nil ? other : service), method: name == nil ? other : endpoint)
        }
    }
}

/// A stream of a client's call whose messages are measured.
private struct ObservedClientStream: ClientCallStream {
    private let base: any ClientCallStream
    private let instruments: CallInstruments

    init(_ base: any ClientCallStream, _ instruments: CallInstruments) {
        self.base = base
        self.instruments = instruments
    }

    var trailingMetadata: Metadata { base.trailingMetadata }

    func receive() async throws(MicroError) -> EncodedMessage? {
        guard let message = try await base.receive() else { return nil }
        instruments.response(message.count)
        return message
    }

    func send(_ message: EncodedMessage) async throws(MicroError) {
        try await base.send(message)
        instruments.request(message.count)
    }

    func finish() async throws(MicroError) { try await base.finish() }

    func metadata() async throws(MicroError) -> Metadata { try await base.metadata() }

    func cancel() { base.cancel() }
}
