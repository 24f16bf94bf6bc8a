import MicroTestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct ForeignProgramTests {
    @Test func readsWhatAProgramWritesAndHowItEnds() async throws {
        let program = try ForeignProgram("sh", ["-c", "read line; echo got $line; echo bad >&2; exit 3"])
        try program.write("it\n")
        #expect(try await program.exitStatus() == 3)
        #expect(program.output == "got it\n")
        #expect(program.errorOutput == "bad\n")
    }

    @Test func aSignalEndsIt() async throws {
        let program = try ForeignProgram("sleep", ["1000"])
        program.send(signal: 15)
        #expect(try await program.exitStatus() == 128 + 15)
    }

    @Test func anEndBeforeTheOutputIsAnErrorThatShowsTheOutput() async throws {
        let program = try ForeignProgram("sh", ["-c", "echo another"])
        let error = try await #require(throws: TestSupportError.self) {
            try await program.waitForOutput("this")
        }
        #expect(error.description.contains("another"))
    }

    @Test func aMissingProgramNamesItsPackage() throws {
        let error = try #require(throws: TestSupportError.self) {
            try ForeignProgram("no-such-program", package: "some-package")
        }
        #expect(error.description.contains("apt-get install some-package"))
    }

    @Test func portsAreGivenOnce() throws {
        let ports = try (0..<100).map { _ in try FreePort.tcp() }
        #expect(Set(ports).count == 100)
    }
}
