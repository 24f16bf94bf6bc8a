internal import MicroCore
internal import MicroPluginKit
internal import SwiftProtobuf

extension EtcdClient {
    /// Reads all values of a range of keys at one revision, page by page.
    ///
    /// What etcd answers is bounded: by time, by 100,000 keys and 128 MiB, and each page must go on behind the one
    /// before it.
    ///
    /// - Parameters:
    ///   - range: The keys.
    ///   - deadline: When it fails at the latest; `nil` for the configured time limit.
    ///   - body: Called with each page, and when the revision was compacted meanwhile with a page that says that
    ///     it all begins again.
    /// - Returns: The revision of all, from which a watch can go on.
    /// - Throws: An ``EtcdError``.
    public func list(
        _ range: EtcdKeyRange, until deadline: ContinuousClock.Instant? = nil,
        _ body: (_ page: [EtcdKeyValue], _ isFirst: Bool) -> Void
    ) async throws(EtcdError) -> EtcdRevision {
        let listing = Listing(client: self, range: range, deadline: deadline ?? .now + timeout)
        return try await EtcdError.translating { () async throws(MicroError) in
            try await listing.read(body)
        }
    }
}

/// The values of a range of keys at one revision, read page by page.
struct Listing: Sendable {
    /// The first number of keys in a page: a compromise between round trips and the length of answers.
    private static let pageSize = 512

    /// The most keys of a range.
    static let maximumKeys = 100_000

    /// The most bytes of keys and values of a range.
    static let maximumBytes = 128 << 20

    let client: EtcdClient
    let range: EtcdKeyRange
    let deadline: ContinuousClock.Instant

    func read(_ body: (_ page: [EtcdKeyValue], _ isFirst: Bool) -> Void) async throws(MicroError)
        -> EtcdRevision
    {
        var limit = Self.pageSize
        var backoff = ExponentialBackoff()
        while true {
            do {
                return try await readOnce(&limit, body)
            } catch {
                // What changes so fast that a revision is gone before its last page was read is read again.
                let pause = backoff.next()
                guard case .compacted = EtcdFault(error), .now + pause < deadline else { throw error }
                try? await client.clock.sleep(for: pause)
            }
        }
    }

    private func readOnce(
        _ limit: inout Int, _ body: (_ page: [EtcdKeyValue], _ isFirst: Bool) -> Void
    ) async throws(MicroError) -> EtcdRevision {
        var revision: EtcdRevision?
        var progress = Progress(range: range, keys: client.configuration.naming.keys)
        while true {
            let options = EtcdRangeOptions(limit: limit, revision: revision?.number)
            let rest = EtcdKeyRange.keys(from: progress.start, upTo: range.end)
            let response: EtcdPBRangeResponse
            do {
                response = try await client.send(
                    .range, EtcdPBRangeRequest(rest, options), until: min(deadline, .now + client.timeout))
            } catch {
                guard case .tooLong = EtcdFault(error), limit > 1 else { throw error }
                limit /= 2
                continue
            }
            let first = if let revision { revision } else { try EtcdRevision(response.header) }
            let page = response.kvs.map(EtcdKeyValue.init)
            try progress.add(page)
            body(page, revision == nil)
            guard response.more, !page.isEmpty else { return first }
            revision = first
            guard deadline > .now else {
                throw MicroError(
                    .deadlineExceeded,
                    "etcd: the listing is not at its end in time; \(progress.count) keys have been read.")
            }
        }
    }
}

/// How far a listing is, and whether it goes on as it must.
private struct Progress {
    /// What is listed.
    let range: EtcdKeyRange

    /// What errors call the keys.
    let keys: String

    /// Where the next page begins.
    private(set) var start: [UInt8]

    private(set) var count = 0
    private var bytes = 0

    init(range: EtcdKeyRange, keys: String) {
        self.range = range
        self.keys = keys
        start = range.start
    }

    mutating func add(_ page: [EtcdKeyValue]) throws(MicroError) {
        for pair in page {
            guard range.contains(pair.key), !pair.key.lexicographicallyPrecedes(start) else {
                throw MicroError(
                    .internal, "etcd: a listing has keys twice, out of order, or that were not asked for.")
            }
            start = pair.key + [0]
            count += 1
            bytes += pair.key.count + pair.value.count
        }
        guard count <= Listing.maximumKeys, bytes <= Listing.maximumBytes else {
            throw MicroError(
                .resourceExhausted,
                "etcd has more than \(Listing.maximumKeys) keys, or \(Listing.maximumBytes >> 20) MiB, in the range "
                    + "that is listed. Is the range of \(keys) right?")
        }
    }
}
