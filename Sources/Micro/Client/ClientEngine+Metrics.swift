import MicroCore

extension ClientEngine {
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
        metrics.observe(.ejectedNodes) { [weak self] in
            self?.discovered(own) { service in
                service.snapshot.map { Double($0.slots.count(where: \.health.isEjected)) }
            } ?? []
        }
        metrics.observe(.ejections) { [weak self] in
            self?.discovered(own) { Double($0.ejections) } ?? []
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
