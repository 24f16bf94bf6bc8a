import Foundation
import InteropSupport
import MicroCore
import MicroTestSupport
import MicroTransportHTTP2
import Testing

/// The table of `docs/Interop.md` that says which servers read compressed requests.
@Suite(.serialized, .timeLimit(.minutes(2))) struct CompressedRequestsPageTests {
    /// The rows: the servers, what they read, and what they answer otherwise.
    private let rows: [(servers: String, reads: String, otherwise: String)]

    init() throws {
        let page = try String(contentsOfFile: "\(BuiltPrograms.package)/docs/Interop.md", encoding: .utf8)
        let start = try #require(page.firstRange(of: "\n## Compressed requests\n")).upperBound
        let lines = page[start...].prefix(
            upTo: page[start...].firstRange(of: "\n## ")?.lowerBound ?? page.endIndex
        )
        .split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst()
        rows = lines.map { line in
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
            return (cells[1], cells[2], cells[3])
        }
    }

    private func row(_ server: String) throws -> (servers: String, reads: String, otherwise: String) {
        try #require(rows.first { $0.servers.contains(server) }, "docs/Interop.md has no row for \(server).")
    }

    /// A caller to any of them has to be warned before it compresses.
    @Test(arguments: ["grpc-java", "grpc-go", "go-micro v2 on gRPC"])
    func whatOthersReadIsOnThePage(server: String) throws {
        let row = try row(server)
        #expect(!row.reads.contains("deflate") || row.reads.contains("never deflate"))
        #expect(row.otherwise == "UNIMPLEMENTED")
    }

    @Test func oursReadWhatThePageSays() async throws {
        try await withOurServer(.plaintext) { target in
            try await check("ours", at: target.address)
        }
    }

    @Test func gRPCsCCoreReadsWhatThePageSays() async throws {
        try await withGRPCIOServer(.plaintext) { target in
            try await check("grpcio", at: target.address)
        }
    }

    /// Calls a server with each compression, and compares how that ends with its row.
    private func check(_ server: String, at address: String) async throws {
        let row = try row(server)
        let connection = try await HTTP2Transport().connect(
            to: Node(id: "n", address: address), as: .host("localhost"))
        // A SimpleRequest with a payload of 300 zeros, which is worth its compression.
        let body: [UInt8] = [0x1A, 0xAF, 0x02, 0x12, 0xAC, 0x02] + [UInt8](repeating: 0, count: 300)
        for compression in [Compression.gzip, .deflate] {
            let head = CallHead(path: "/grpc.testing.TestService/UnaryCall", compression: compression)
            var status: RPCStatus?
            do throws(MicroError) {
                _ = try await connection.unary(head, EncodedMessage(body))
            } catch {
                status = error.status
            }
            let isRead = row.reads.contains(compression.rawValue)
            #expect(status == (isRead ? nil : .unimplemented), "\(server), \(compression.rawValue)")
        }
        await connection.close(deadline: .now)
    }
}
