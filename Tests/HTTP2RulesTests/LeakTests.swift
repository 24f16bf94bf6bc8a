import Foundation
import HTTP2TestPeer
import MicroCore
import MicroTestSupport
import Testing

/// A process of its own is not needed: what the bad peers left is seen by the descriptors of this one.
@Suite(.timeLimit(.minutes(2))) struct LeakTests {
    /// The sockets of this process that are connected to, or accepted by, a port.
    private func sockets(of port: Int) throws -> Int {
        let hex = String(port, radix: 16, uppercase: true)
        let suffix = ":" + String(repeating: "0", count: 4 - hex.count) + hex
        let lines = try systemFile("/proc/self/net/tcp").split(separator: "\n")
        return lines.dropFirst().count { line in
            let fields = line.split(separator: " ")
            // A socket without an inode belongs to nobody any more.
            return fields.count > 9 && fields[1].hasSuffix(suffix) && fields[3] != "0A" && fields[9] != "0"
        }
    }

    /// Reads a file of the system to its end; of a file whose size is not known, Foundation reads the first page at
    /// once, and no more.
    private func systemFile(_ path: String) throws -> String {
        let file = try #require(FileHandle(forReadingAtPath: path))
        var text = Data()
        while let part = try file.read(upToCount: 1 << 16), !part.isEmpty { text += part }
        return String(decoding: text, as: UTF8.self)
    }

    @Test func badPeersLeaveNoSocket() async throws {
        try await withTestServer { listening in
            let port = try #require(listening.address.hostPort?.port)
            let before = try sockets(of: port)
            let rules =
                ServerFrameTypeTests.settings.filter(\.endsTheConnection)
                + ServerFramingTests.preface + ServerHPACKTests.rules.filter(\.endsTheConnection)
            for _ in 0..<5 {
                for rule in rules {
                    let connection = try await RawConnection.connect(to: listening.address)
                    try await connection.send(rule.bytes)
                    #expect(try await connection.ends())
                    await connection.close()
                }
                let connection = try await RawConnection.open(to: listening.address)
                try await connection.send(.headers(RawConnection.request("/test.Test/Deaf"), stream: 1))
                await connection.close()
            }
            try await eventually("the sockets to be gone") { try self.sockets(of: port) == before }
            try await eventually("the handlers to end") { listening.server.running == 0 }
        }
    }
}
