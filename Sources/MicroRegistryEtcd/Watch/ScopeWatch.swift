internal import FoundationEssentials
internal import Logging
internal import MicroCore
internal import MicroPluginKit
internal import SwiftProtobuf

/// Follows the nodes of a scope: lists them, watches from the next revision on, resumes there after a loss, and
/// lists again when etcd no longer has the revisions between.
struct ScopeWatch {
    private let client: EtcdClient
    private let scope: WatchScope
    private let range: KeyLayout.KeyRange
    private let directory: RegistryDirectory
    private let onSynced: @Sendable () -> Void

    private let throttle = LogThrottle(burst: 3)
    private var reader: RecordReader

    /// The nodes by their keys: a deleted key comes without its value.
    private var nodes: [Data: [NodeKey]] = [:]

    /// The revision to go on with; `nil` if everything has to be listed.
    private var nextRevision: Int64?

    /// The cluster that the revision belongs to.
    private var cluster: UInt64 = 0

    /// How many times longer than a call a listing for a watch may take.
    private static let patience = 12

    /// Whether there is a new token since a watch was last granted.
    private var hasNewToken = false

    /// Creates a watch.
    ///
    /// - Parameters:
    ///   - scope: What to follow.
    ///   - client: Makes the calls.
    ///   - layout: Where nodes stand.
    ///   - directory: What is told of the nodes.
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
            guard let session = try? await client.link.session(until: nil) else { return }
            let start = ContinuousClock.now
            do throws(MicroError) {
                if nextRevision == nil { try await list() }
                try await follow(on: session)
            } catch {
                guard !Task.isCancelled else { return }
                if case .member = EtcdFault(error) { client.link.report(session, error) }
                report(error, at: session.endpoint)
            }
            if ContinuousClock.now - start > .seconds(5) { backoff.reset() }
            try? await Task.sleep(for: backoff.next())
        }
    }

    /// Logs what only somebody else can mend: the connection's own troubles are the link's to report.
    private func report(_ error: MicroError, at endpoint: EtcdEndpoint) {
        switch EtcdFault(error) {
        case .member, .busy, .staleToken, .leaseLost: return
        case .compacted, .final, .tooLong, .refused: break
        }
        throttle.admit { suppressed in
            Logger.current.warning(
                "A watch of etcd was interrupted; this is tried again.",
                metadata: [
                    "error": "\(EtcdErrors.text(error, at: endpoint))", "suppressed": "\(suppressed)",
                ])
        }
    }

    // MARK: Listing

    /// Makes the directory hold exactly what stands in etcd.
    private mutating func list() async throws(MicroError) {
        var records: [ServiceRecord] = []
        var nodes: [Data: [NodeKey]] = [:]
        var reader = reader
        let deadline = ContinuousClock.now + client.timeout * Self.patience
        let header = try await Listing(client: client).read(range, until: deadline) { page, isFirst in
            if isFirst { (records, nodes) = ([], [:]) }
            for value in page {
                guard let record = Self.read(value, with: &reader, scope) else { continue }
                nodes[value.key] = record.keys
                records.append(record)
            }
        }
        (self.reader, self.nodes) = (reader, nodes)
        nextRevision = header.revision + 1
        cluster = header.clusterID
        directory.replace(with: records, service: scope.service)
        if let service = scope.service {
            directory.markSynced(service: service)
        } else {
            directory.markSynced()
        }
        onSynced()
    }

    private static func read(
        _ value: EtcdKeyValue, with reader: inout RecordReader, _ scope: WatchScope
    ) -> ServiceRecord? {
        let record = reader.read([UInt8](value.value), at: String(decoding: value.key, as: UTF8.self))
        // Names with slashes stand among those with hyphens in their place.
        guard let record, scope.service == nil || scope.service == record.name else { return nil }
        return record
    }

    // MARK: Following

    /// Reads events until the stream breaks.
    private mutating func follow(on session: EtcdSession) async throws(MicroError) {
        let stream = try await session.open("/etcdserverpb.Watch/Watch")
        defer { stream.cancel() }
        let revision = nextRevision ?? 0
        let request = EtcdWatchRequest.with { [range] request in
            request.createRequest = .with {
                $0.key = range.start
                $0.rangeEnd = range.end
                $0.startRevision = revision
                $0.progressNotify = true
                $0.fragment = true
            }
        }
        try await stream.send(EtcdCoding.encode(request))
        while let message = try await stream.receive() {
            let response: EtcdWatchResponse = try EtcdCoding.decode(message)
            if response.canceled { throw await cancellation(response, session) }
            if response.created { hasNewToken = false }
            try check(response.header)
            try apply(response.events)
            try advance(response)
        }
        throw MicroError(.unavailable, "etcd has ended a watch.")
    }

    /// Finds out that the cluster isn't the one that we know, or was put back to an earlier state: the revision
    /// to go on with would be another one, or come again.
    private mutating func check(_ header: EtcdResponseHeader) throws(MicroError) {
        guard let nextRevision, header.clusterID != cluster || header.revision < nextRevision - 1 else {
            return
        }
        self.nextRevision = nil
        throw MicroError(
            .outOfRange, "The revision \(nextRevision) was compacted: etcd has other data than before.")
    }

    private mutating func apply(_ events: [EtcdEvent]) throws(MicroError) {
        for event in events {
            let known = nodes[event.kv.key] ?? []
            let record = event.type == .put ? Self.read(event.kv, with: &reader, scope) : nil
            let present = record?.keys ?? []
            for key in known where !present.contains(key) { directory.remove(key) }
            nodes[event.kv.key] = record?.keys
            guard nodes.count <= Listing.maximumKeys else {
                nextRevision = nil
                throw MicroError(.internal, "etcd: a watch has more than \(Listing.maximumKeys) keys.")
            }
            if let record { directory.insert(record) }
        }
    }

    /// Records how far we are.
    ///
    /// The header's revision counts only without events: with them, it may be ahead of those that are still to
    /// come. A fragment's events may be followed by more of the same revision.
    private mutating func advance(_ response: EtcdWatchResponse) throws(MicroError) {
        let revision = response.events.last?.kv.modRevision ?? response.header.revision
        guard EtcdRevision.isPossible(revision) else {
            nextRevision = nil
            throw EtcdRevision.impossible(revision)
        }
        if let last = response.events.last {
            if !response.fragment { nextRevision = last.kv.modRevision + 1 }
        } else if !response.created {
            nextRevision = max(nextRevision ?? 0, response.header.revision + 1)
        }
    }

    private mutating func cancellation(_ response: EtcdWatchResponse, _ session: EtcdSession) async
        -> MicroError
    {
        if response.compactRevision > 0 {
            nextRevision = nil
            return MicroError(.outOfRange, "etcd: the revision was compacted.")
        }
        let reason = response.cancelReason
        // A watch is told so of a token that is too old as well as of a user who may not read.
        if reason.contains("permission denied") || reason.contains("invalid auth token") {
            guard !hasNewToken else { return MicroError(.permissionDenied, reason.printable()) }
            hasNewToken = await client.renewToken(session, until: .now + client.timeout)
            return MicroError(.unauthenticated, reason.printable())
        }
        return MicroError(.unavailable, "etcd has ended a watch: \(reason.printable())")
    }
}
