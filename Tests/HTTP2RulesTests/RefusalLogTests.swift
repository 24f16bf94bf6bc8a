import HTTP2TestPeer
import InMemoryLogging
import Logging
import MicroCore
import MicroTestSupport
import Testing

/// What an operator reads of refused clients: enough to see them, too little to fill a disk.
@Suite(.timeLimit(.minutes(2))) struct RefusalLogTests {
    @Test func eachRefusedConnectionIsOneLine() async throws {
        let log = InMemoryLogHandler()
        let logger = Logger(label: "test") { _ in log }
        try await withLogger(logger) { _ in
            try await withTestServer { listening in
                let flood = (0..<4000).flatMap { _ in Frame.ping.bytes }
                for _ in 0..<3 {
                    let connection = try await RawConnection.open(to: listening.address)
                    // The server may close before it has taken all.
                    try? await connection.send(flood)
                    #expect(try await connection.ends())
                    await connection.close()
                }
                try await eventually("the lines") { self.refusals(log).count >= 3 }
            }
        }
        let lines = refusals(log)
        #expect(lines.count == 3)
        for line in lines {
            #expect(line.metadata["reason"] != nil)
            #expect("\(line.metadata["client.address"] ?? "")".hasPrefix("127.0.0.1:"))
        }
        // The first one of a listener is a warning besides.
        #expect(log.entries.filter { $0.level >= .warning }.count == 1)
    }

    private func refusals(_ log: InMemoryLogHandler) -> [InMemoryLogHandler.Entry] {
        log.entries.filter { $0.level == .info && $0.message == "Connection refused" }
    }
}
