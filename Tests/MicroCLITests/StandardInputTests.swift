import Foundation
import MicroTestSupport
import Testing

@testable import MicroCommands

/// What a user pipes in has a limit, so that an input without an end doesn't take all memory.
@Suite(.timeLimit(.minutes(2))) struct StandardInputTests {
    /// An input that is not at its end, so that a reader waits.
    private let pipe = Pipe()

    private func input(limit: Int, _ text: String) throws -> StandardInput {
        try pipe.fileHandleForWriting.write(contentsOf: Data(text.utf8))
        return StandardInput(limit: limit, descriptor: pipe.fileHandleForReading.fileDescriptor)
    }

    @Test func aRequestIsReadUpToTheLimit() throws {
        let input = try input(limit: 1000, String(repeating: "x", count: 1000))
        try pipe.fileHandleForWriting.close()
        #expect(try input.read().count == 1000)
    }

    @Test func aRequestWithoutAnEndIsRefusedAtTheLimit() throws {
        let input = try input(limit: 1000, String(repeating: "x", count: 1001))
        let failure = #expect(throws: CommandFailure.self) { try input.read() }
        #expect(failure?.status == .usage)
        #expect(failure?.message == "A request on standard input has more than 1000 bytes.")
    }

    @Test func eachValueOfAStreamHasTheLimit() async throws {
        let small = String(repeating: "{\"text\": \"\(String(repeating: "x", count: 400))\"}\n", count: 20)
        let large = "{\"text\": \"\(String(repeating: "x", count: 1000))"
        var values = try input(limit: 1000, small).values().makeAsyncIterator()
        for _ in 0..<20 { #expect(try await values.next()?.count == 412) }
        _ = try input(limit: 1000, large)
        let failure = await #expect(throws: CommandFailure.self) { try await values.next() }
        #expect(failure?.status == .usage)
    }

    @Test func theCommandTakes64Mebibytes() async throws {
        let line = "head -c 67108865 /dev/zero | \"$0\" publish topic -"
        let program = try ForeignProgram(
            "/bin/sh", ["-c", line, try Programs.path("micro")], environment: ["MICRO_REGISTRY": "memory"])
        #expect(try await program.exitStatus() == 64)
        #expect(program.errorOutput == "A request on standard input has more than 67108864 bytes.\n")
    }
}
