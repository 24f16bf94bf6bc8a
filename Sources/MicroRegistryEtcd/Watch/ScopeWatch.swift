internal import Logging
internal import MicroCore
internal import MicroEtcd
internal import MicroPluginKit

/// Follows the nodes of a scope: lists them, watches from the next revision on, and lists again when etcd no longer
/// has the revisions between.
struct ScopeWatch {
    private let client: EtcdClient
    private let scope: WatchScope
    private let range: EtcdKeyRange
    private let directory: RegistryDirectory
    private let onSynced: @Sendable () -> Void

    private let throttle = LogThrottle(burst: 3)
    private var reader: RecordReader

    /// The nodes by their keys: a deleted key comes without its value.
    private var nodes: [[UInt8]: [NodeKey]] = [:]

    /// The number of bytes of those keys.
    private var keyBytes = 0

    /// The revision whose nodes the directory has; `nil` if everything has to be listed.
    private var revision: EtcdRevision?

    /// The most keys that are followed.
    private static let maximumKeys = 100_000

    /// The most bytes of their keys, of which one alone may have megabytes.
    private static let maximumKeyBytes = 64 << 20

    /// How many times longer than a call a listing for a watch may take.
    private static let patience = 12

    /// Creates a watch.
    ///
    /// - Parameters:
    ///   - scope: What to follow.
    ///   - client: Makes the calls.
    ///   - layout: Where nodes stand.
    ///   - directory: What receives the nodes.
    ///   - reader: Reads values.
    ///   - onSynced: Called when the present nodes are known.
    init(
        _ scope: WatchScope, client: EtcdClient, layout: KeyLayout, directory: RegistryDirectory,
        reader: RecordReader, onSynced: @escaping @Sendable () -> Void
    ) {
        self.scope = scope
        self.reader = reader
        self.client = client
        self.directory = directory
        self.onSynced = onSynced
        range = scope.service.map(layout.range) ?? layout.all
    }

    /// Follows the nodes until the task is cancelled.
    mutating func run() async {
        var backoff = ExponentialBackoff()
        while !Task.isCancelled {
            let stopwatch = Stopwatch(client.clock)
            do throws(EtcdError) {
                let revision = try await known()
                try await follow(after: revision)
            } catch {
                guard !Task.isCancelled else { return }
                // From whatever makes no sense, there is no way on but from the beginning.
                if [.compacted, .invalidAnswer].contains(error.code) { revision = nil }
                report(error)
            }
            if stopwatch.elapsed > .seconds(5) { backoff.reset() }
            try? await client.clock.sleep(for: backoff.next())
        }
    }

    /// Logs what trying again doesn't help against: the connection's own failures are the client's to report.
    private func report(_ error: EtcdError) {
        guard ![.unavailable, .timeout, .cancelled, .leaseNotFound].contains(error.code) else { return }
        throttle.admit { suppressed in
            Logger.current.warning(
                "A watch of etcd was interrupted; this is tried again.",
                metadata: ["error": "\(error.message)", "suppressed": "\(suppressed)"])
        }
    }

    // MARK: Listing

    /// Returns the revision whose nodes the directory has, and lists the nodes if there is none.
    private mutating func known() async throws(EtcdError) -> EtcdRevision {
        if let revision { return revision }
        let listed = try await list()
        revision = listed
        return listed
    }

    /// Makes the directory hold exactly what etcd has.
    private mutating func list() async throws(EtcdError) -> EtcdRevision {
        var records: [ServiceRecord] = []
        var nodes: [[UInt8]: [NodeKey]] = [:]
        var reader = reader
        let deadline = ContinuousClock.now + client.configuration.timeout * Self.patience
        let listed = try await client.list(range, until: deadline) { page, isFirst in
            if isFirst { (records, nodes) = ([], [:]) }
            for pair in page {
                guard let record = Self.read(pair, with: &reader, scope) else { continue }
                nodes[pair.key] = record.keys
                records.append(record)
            }
        }
        (self.reader, self.nodes) = (reader, nodes)
        keyBytes = nodes.keys.reduce(0) { $0 + $1.count }
        directory.replace(with: records, service: scope.service)
        if let service = scope.service {
            directory.markSynced(service: service)
        } else {
            directory.markSynced()
        }
        onSynced()
        return listed
    }

    private static func read(
        _ pair: EtcdKeyValue, with reader: inout RecordReader, _ scope: WatchScope
    ) -> ServiceRecord? {
        let record = reader.read(pair.value, at: String(decoding: pair.key, as: UTF8.self))
        // Names with slashes stand among those with hyphens in their place.
        guard let record, scope.service == nil || scope.service == record.name else { return nil }
        return record
    }

    // MARK: Following

    /// Reads changes until they can't be had any more.
    private mutating func follow(after revision: EtcdRevision) async throws(EtcdError) {
        var batches = client.watch(range, after: revision).makeAsyncIterator()
        while let batch = try await batches.next() {
            try apply(batch.events)
            self.revision = batch.revision
        }
    }

    private mutating func apply(_ events: [EtcdWatchEvent]) throws(EtcdError) {
        for event in events {
            let pair = event.keyValue
            let known = nodes.removeValue(forKey: pair.key)
            if known != nil { keyBytes -= pair.key.count }
            let record = event.kind == .put ? Self.read(pair, with: &reader, scope) : nil
            let present = record?.keys ?? []
            for key in known ?? [] where !present.contains(key) { directory.remove(key) }
            guard let record else { continue }
            nodes[pair.key] = record.keys
            keyBytes += pair.key.count
            guard nodes.count <= Self.maximumKeys, keyBytes <= Self.maximumKeyBytes else {
                throw EtcdError(
                    .invalidAnswer,
                    "etcd: a watch has more than \(Self.maximumKeys) keys, or \(Self.maximumKeyBytes >> 20) MiB of them.",
                    status: .internal)
            }
            directory.insert(record)
        }
    }
}
