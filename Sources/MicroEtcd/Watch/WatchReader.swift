internal import FoundationEssentials
internal import MicroCore
internal import MicroPluginKit
internal import SwiftProtobuf

/// Follows a range of keys from a revision on, on one stream after the other.
struct WatchReader {
    private let client: EtcdClient
    private let range: EtcdKeyRange
    private let includesPrevious: Bool

    /// The revision up to which all changes were told; `nil` before the first answer of a watch that begins with
    /// the next change.
    private var revision: EtcdRevision?

    private var stream: WatchStream?
    private var backoff = ExponentialBackoff()

    /// Whether there is a new token since a watch was last granted.
    private var hasNewToken = false

    /// A stream that lasted longer counts as one that worked.
    private static let shortLife = Duration.seconds(5)

    init(_ watch: EtcdWatch) {
        client = watch.client
        range = watch.range
        includesPrevious = watch.includesPrevious
        revision = watch.revision
    }

    /// Waits for the next changes; opens a stream, as often as needed.
    mutating func next() async throws(MicroError) -> EtcdWatch.Batch {
        while true {
            let stream = try await currentStream()
            let failure: MicroError
            do {
                if let batch = try await read(from: stream) { return batch }
                continue
            } catch {
                failure = error
            }
            self.stream = nil
            stream.cancel()
            guard !Task.isCancelled else { throw EtcdErrors.cancelled }
            try check(failure, of: stream)
            if stream.age.elapsed > Self.shortLife { backoff.reset() }
            try? await client.clock.sleep(for: backoff.next())
        }
    }

    /// Throws what another stream doesn't help against.
    private func check(_ failure: MicroError, of stream: WatchStream) throws(MicroError) {
        switch EtcdFault(failure) {
        case .member: client.link.report(stream.session, failure)
        case .busy, .staleToken, .leaseLost: return
        case .compacted, .final, .tooLong, .refused:
            var error = failure
            error.detail = client.link.text(failure, at: stream.session.endpoint)
            throw error
        }
    }

    /// Returns the stream, on another connection if need be.
    private mutating func currentStream() async throws(MicroError) -> WatchStream {
        if let stream { return stream }
        let stream = WatchStream(on: try await client.link.session(until: nil), age: Stopwatch(client.clock))
        self.stream = stream
        return stream
    }

    private func open(_ stream: WatchStream) async throws(MicroError) -> any ClientCallStream {
        if let opened = stream.opened { return opened }
        let opened = try await stream.session.open(EtcdStreams.watch)
        stream.opened = opened
        let request = EtcdPBWatchRequest.with { request in
            request.createRequest = .with {
                $0.key = Data(range.start)
                $0.rangeEnd = Data(range.end)
                $0.startRevision = revision.map { $0.number + 1 } ?? 0
                $0.prevKv = includesPrevious
                $0.progressNotify = true
                $0.fragment = true
            }
        }
        try await opened.send(EtcdCoding.encode(request))
        return opened
    }

    /// Reads an answer.
    ///
    /// - Returns: What it tells; `nil` if it is no more than that the watch has begun.
    private mutating func read(from stream: WatchStream) async throws(MicroError) -> EtcdWatch.Batch? {
        guard let message = try await open(stream).receive() else {
            throw MicroError(.unavailable, "etcd has ended a watch.")
        }
        let response: EtcdPBWatchResponse = try EtcdCoding.decode(message)
        if response.canceled { throw await cancellation(response, stream.session) }
        if response.created { hasNewToken = false }
        try check(response.header)
        let next = try revision(after: response)
        revision = next
        guard !response.created || !response.events.isEmpty else { return nil }
        return EtcdWatch.Batch(events: response.events.map(EtcdWatchEvent.init), revision: next)
    }

    /// Finds out that the cluster isn't the one that we know, or was put back to an earlier state: the revision
    /// to go on with would be another one, or come again.
    private func check(_ header: EtcdPBResponseHeader) throws(MicroError) {
        guard let revision, header.clusterID != revision.cluster || header.revision < revision.number else {
            return
        }
        throw MicroError(
            .outOfRange, "The revision \(revision.number + 1) was compacted: etcd has other data than before."
        )
    }

    /// Returns how far we are.
    ///
    /// The header's revision counts only without events: with them, it may be ahead of those that are still to
    /// come. A fragment's events may be followed by more of the same revision.
    private func revision(after response: EtcdPBWatchResponse) throws(MicroError) -> EtcdRevision {
        let number = response.events.last?.kv.modRevision ?? response.header.revision
        let reached = try EtcdRevision(checking: number, of: response.header.clusterID)
        // A watch that begins with the next change gets what follows the revision at which it was granted.
        guard let revision else { return reached }
        if !response.events.isEmpty { return response.fragment ? revision : reached }
        return response.created || reached.number < revision.number ? revision : reached
    }

    private mutating func cancellation(
        _ response: EtcdPBWatchResponse, _ session: EtcdSession
    ) async -> MicroError {
        if response.compactRevision > 0 {
            return MicroError(.outOfRange, "etcd: the revision was compacted.")
        }
        let reason = response.cancelReason
        // etcd says the same of a token that is too old as well as of a user who may not read.
        if reason.contains("permission denied") || reason.contains("invalid auth token") {
            guard !hasNewToken else { return MicroError(.permissionDenied, reason.printable()) }
            hasNewToken = await client.renewToken(session, until: .now + client.timeout)
            return MicroError(.unauthenticated, reason.printable())
        }
        return MicroError(.unavailable, "etcd has ended a watch: \(reason.printable())")
    }
}

/// A stream of a watch, which ends with the one who reads it.
///
/// It is confined to the iterator, which one task reads at a time.
private final class WatchStream {
    let session: EtcdSession
    let age: Stopwatch
    var opened: (any ClientCallStream)?

    init(on session: EtcdSession, age: Stopwatch) {
        self.session = session
        self.age = age
    }

    func cancel() { opened?.cancel() }

    deinit { cancel() }
}
