internal import FoundationEssentials
internal import MicroCore
internal import MicroPluginKit
internal import SwiftProtobuf

/// The values of a range of keys at one revision, read page by page.
///
/// What etcd answers is bounded: by time, by the number of keys and by their bytes, and each page must go on
/// behind the one before it.
struct Listing: Sendable {
    /// The first number of keys in a page: a compromise between round trips and the length of answers.
    private static let pageSize: Int64 = 512

    /// The most keys of a range.
    static let maximumKeys = 100_000

    /// The most bytes of keys and values of a range.
    static let maximumBytes = 128 << 20

    let client: EtcdClient

    /// Reads all values.
    ///
    /// - Parameters:
    ///   - range: The keys.
    ///   - deadline: When it fails at the latest.
    ///   - body: Called with each page, and when the revision was compacted meanwhile with a page that says that
    ///     it all begins again.
    /// - Returns: The header of the first page, which has the revision of all.
    /// - Throws: A ``MicroError`` with the status `unavailable` if etcd can't be reached, or `internal` if its
    ///   answers make no sense or are too many.
    func read(
        _ range: KeyLayout.KeyRange, until deadline: ContinuousClock.Instant,
        _ body: (_ page: [EtcdKeyValue], _ isFirst: Bool) -> Void
    ) async throws(MicroError) -> EtcdResponseHeader {
        var limit = Self.pageSize
        var backoff = ExponentialBackoff()
        while true {
            do {
                return try await readOnce(range, &limit, deadline, body)
            } catch {
                // What changes so fast that a revision is gone before its last page was read is read again.
                let pause = backoff.next()
                guard case .compacted = EtcdFault(error), .now + pause < deadline else { throw error }
                try? await Task.sleep(for: pause)
            }
        }
    }

    private func readOnce(
        _ range: KeyLayout.KeyRange, _ limit: inout Int64, _ deadline: ContinuousClock.Instant,
        _ body: (_ page: [EtcdKeyValue], _ isFirst: Bool) -> Void
    ) async throws(MicroError) -> EtcdResponseHeader {
        var header: EtcdResponseHeader?
        var progress = Progress(range: range)
        while true {
            let request = EtcdRangeRequest.with {
                $0.key = progress.start
                $0.rangeEnd = range.end
                $0.limit = limit
                $0.revision = header?.revision ?? 0
            }
            let response: EtcdRangeResponse
            do {
                response = try await client.send(
                    .range, request, until: min(deadline, .now + client.timeout))
            } catch {
                guard case .tooLong = EtcdFault(error), limit > 1 else { throw error }
                limit /= 2
                continue
            }
            let first = header ?? response.header
            guard EtcdRevision.isPossible(first.revision) else {
                throw EtcdRevision.impossible(first.revision)
            }
            try progress.add(response.kvs)
            body(response.kvs, header == nil)
            guard response.more, !response.kvs.isEmpty else { return first }
            header = first
            guard deadline > .now else {
                throw MicroError(
                    .deadlineExceeded,
                    "etcd: the listing is not at its end in time; \(progress.keys) keys have been read.")
            }
        }
    }
}

/// How far a listing is, and whether it goes on as it must.
private struct Progress {
    let range: KeyLayout.KeyRange

    /// Where the next page begins.
    var start: Data

    private(set) var keys = 0
    private var bytes = 0

    init(range: KeyLayout.KeyRange) {
        self.range = range
        start = range.start
    }

    mutating func add(_ page: [EtcdKeyValue]) throws(MicroError) {
        for pair in page {
            guard !pair.key.lexicographicallyPrecedes(start), pair.key.lexicographicallyPrecedes(range.end)
            else {
                throw MicroError(
                    .internal, "etcd: a listing has keys twice, out of order, or that were not asked for.")
            }
            start = pair.key + [0]
            keys += 1
            bytes += pair.key.count + pair.value.count
        }
        guard keys <= Listing.maximumKeys, bytes <= Listing.maximumBytes else {
            throw MicroError(
                .resourceExhausted,
                "etcd has more than \(Listing.maximumKeys) keys, or \(Listing.maximumBytes >> 20) MiB, where the "
                    + "registry's nodes stand. Is MICRO_REGISTRY_PREFIX right?")
        }
    }
}

/// The numbers that etcd counts changes with.
enum EtcdRevision {
    /// Whether a revision can be one: there is another one behind it.
    static func isPossible(_ revision: Int64) -> Bool { revision >= 0 && revision < .max }

    /// The error for one that can't.
    static func impossible(_ revision: Int64) -> MicroError {
        MicroError(.internal, "etcd: an answer has the revision \(revision), which can't be.")
    }
}
