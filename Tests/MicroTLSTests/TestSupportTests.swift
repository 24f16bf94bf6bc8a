import MicroTestSupport
import Testing

@Suite("What tests are set up with", .timeLimit(.minutes(2)))
struct TestSupportTests {
    @Test("A program's output and status are collected")
    func outputAndStatus() async throws {
        let program = try ForeignProgram("sh", ["-c", "echo out; echo err >&2; exit 3"])
        #expect(try await program.exitStatus() == 3)
        #expect(program.output == "out\n")
        #expect(program.errorOutput == "err\n")
    }

    @Test("A program is fed, and ends with its input")
    func input() async throws {
        let program = try ForeignProgram("cat")
        try program.write("hello\n")
        try await program.waitForOutput("hello")
        program.closeInput()
        #expect(try await program.exitStatus() == 0)
    }

    @Test("A running program is stopped")
    func stop() async throws {
        let program = try ForeignProgram("sleep", ["600"])
        await program.stop()
        #expect(try await program.exitStatus() == 128 + 15)
    }

    @Test("A program that isn't there is named with its package")
    func missing() throws {
        #expect {
            try ForeignProgram("no-such-program", package: "some-package")
        } throws: { "\($0)".contains("no-such-program") && "\($0)".contains("some-package") }
    }

    @Test("A free port can be bound")
    func port() throws {
        #expect(try (1...65535).contains(FreePort.tcp()))
    }

    @Test("Certificates are what they say")
    func certificates() async throws {
        let certificates = try await TestCertificates()
        let expired = try await certificates.issue(.expiredServer)
        let other = try await certificates.issue(.server, by: .other)
        #expect(try await verification(of: expired, with: certificates).contains("has expired"))
        #expect(try await verification(of: other, with: certificates).contains("unable to get local issuer"))
        let good = try await certificates.issue(.server)
        #expect(try await verification(of: good, with: certificates).contains("OK"))
    }

    private func verification(
        of issued: TestCertificates.Issued, with certificates: TestCertificates
    ) async throws -> String {
        let program = try ForeignProgram(
            "openssl", ["verify", "-CAfile", certificates.rootPath, issued.certificatePath])
        try await program.exitStatus()
        return program.output + program.errorOutput
    }
}
