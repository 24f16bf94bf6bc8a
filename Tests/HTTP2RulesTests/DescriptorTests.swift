import Foundation
import HTTP2TestPeer
import MicroCore
import MicroNIO
import MicroTestSupport
import NIOCore
import Testing

/// A process that has used up its file descriptors.
@Suite(.timeLimit(.minutes(2))) struct DescriptorTests {
    /// More clients than a service has descriptors for: it says so once, rests meanwhile, and recovers.
    @Test func aServiceThatCanAcceptNoMoreRestsAndSaysSo() async throws {
        let program = try BuiltPrograms.path("interop-server")
        let server = try ForeignProgram(
            "sh", ["-c", "ulimit -n 48; exec \"$0\" --port=0 --host=127.0.0.1", program],
            environment: ["MICRO_LOG_LEVEL": "info"])
        try await server.waitForOutput("listening 127.0.0.1:")
        let port = try #require(
            server.output.split(whereSeparator: { $0 == ":" || $0.isNewline }).compactMap { Int($0) }.first)
        let address = ListenAddress.host("127.0.0.1", port: port)
        var clients: [RawConnection] = []
        for _ in 0..<120 { clients.append(try await RawConnection.connect(to: address)) }
        try await server.waitForOutput("file descriptors")

        let before = try processorTicks(of: server)
        try await Task.sleep(for: .seconds(3))
        let used = try processorTicks(of: server) - before
        // A loop that tries again and again takes hundreds.
        #expect(used <= 15, "\(used) hundredths of a second in three")
        let log = server.output + server.errorOutput
        #expect(log.components(separatedBy: "file descriptors").count == 2, "\(log)")
        #expect(log.contains("all 48 file descriptors") && log.contains("ulimit -n"))

        for client in clients { await client.close() }
        let newcomer = try await RawConnection.open(to: address)
        let answer = try await newcomer.call("/grpc.testing.TestService/EmptyCall", body: framed([]))
        #expect(answer["grpc-status"] == "0")
        await newcomer.close()
        await server.stop()
    }

    /// A client that can open no connection for want of descriptors says what its limit is.
    @Test func aClientSaysWhatItLacks() {
        let reason = ConnectFailure.reason(of: IOError(errnoCode: EMFILE, reason: "socket"))
        #expect(reason.contains("all \(FileDescriptors.limit) file descriptors"))
        #expect(reason.contains("ulimit -n"))
        let ofSystem = ConnectFailure.reason(of: IOError(errnoCode: ENFILE, reason: "socket"))
        #expect(ofSystem.contains("fs.file-max"))
        #expect(!FileDescriptors.areUsedUp)
    }

    /// The processor time that a program has used, in hundredths of a second.
    private func processorTicks(of program: ForeignProgram) throws -> Int {
        let path = "/proc/\(program.processIdentifier)/stat"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        // The name in parentheses may have spaces.
        let fields = try #require(text.split(separator: ")").last).split(separator: " ")
        return try #require(Int(fields[11])) + #require(Int(fields[12]))
    }
}
