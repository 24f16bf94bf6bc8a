internal import FoundationEssentials
internal import MicroCore
internal import SwiftProtobuf

/// The values of a range of keys at one revision, read page by page.
struct Listing: Sendable {
    /// The first number of keys in a page: a compromise between round trips and the length of answers.
    private static let pageSize: Int64 = 512

    let client: EtcdClient

    /// Reads all values.
    ///
    /// - Parameters:
    ///   - range: The keys.
    ///   - body: Called with each page, and when the revision was compacted meanwhile with a page that says that
    ///     it all begins again.
    /// - Returns: The header of the first page, which has the revision of all.
    /// - Throws: A ``MicroError`` with the status `unavailable` if etcd can't be reached.
    func read(
        _ range: KeyLayout.KeyRange, _ body: (_ page: [EtcdKeyValue], _ isFirst: Bool) -> Void
    ) async throws(MicroError) -> EtcdResponseHeader {
        var limit = Self.pageSize
        while true {
            do {
                return try await readOnce(range, &limit, body)
            } catch {
                // What changes so fast that a revision is gone before its last page was read is read again.
                guard case .compacted = EtcdFault(error) else { throw error }
            }
        }
    }

    private func readOnce(
        _ range: KeyLayout.KeyRange, _ limit: inout Int64,
        _ body: (_ page: [EtcdKeyValue], _ isFirst: Bool) -> Void
    ) async throws(MicroError) -> EtcdResponseHeader {
        var header: EtcdResponseHeader?
        var start = range.start
        while true {
            let request = EtcdRangeRequest.with {
                $0.key = start
                $0.rangeEnd = range.end
                $0.limit = limit
                $0.revision = header?.revision ?? 0
            }
            let response: EtcdRangeResponse
            do {
                response = try await client.send(.range, request)
            } catch {
                guard case .tooLong = EtcdFault(error), limit > 1 else { throw error }
                limit /= 2
                continue
            }
            body(response.kvs, header == nil)
            let first = header ?? response.header
            guard response.more, let last = response.kvs.last else { return first }
            header = first
            start = last.key + [0]
        }
    }
}
