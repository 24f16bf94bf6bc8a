import MicroTestSupport
import Testing

/// A service as its operator starts it: with flags and variables alone.
@Suite(.timeLimit(.minutes(2))) struct ServiceProgramTests {
    private let reply = "{\n\t\"message\": \"Hello, John!\"\n}\n"

    /// Calls the greeter and returns what `micro` said.
    private func call(
        _ name: String, _ environment: [String: String]
    ) async throws -> (status: Int32, output: String, errors: String) {
        try await Programs.micro(
            "call", name, "Greeter.Hello", #"{"name":"John"}"#, environment: environment)
    }

    @Test func aServiceOnAllAddressesOfIPv4IsFound() async throws {
        // On a busy machine the first answer may take longer than it usually does.
        let mdns = ["MICRO_REGISTRY": "mdns", "MICRO_REGISTRY_TIMEOUT": "2s"]
        let (name, program) = try await Programs.greeter(
            environment: mdns.merging(["MICRO_SERVER_ADDRESS": "0.0.0.0:0"]) { $1 })
        let called = try await call(name, mdns)
        #expect(called.status == 0, "\(called.errors)")
        #expect(called.output == reply)
        await program.stop()
    }

    @Test func variablesAloneMakeTLSMutual() async throws {
        // On a busy machine the first answer may take longer than it usually does.
        let mdns = ["MICRO_REGISTRY": "mdns", "MICRO_REGISTRY_TIMEOUT": "2s"]
        let authorities = try await TestCertificates()
        let client = try await authorities.issue(.client)
        // Nodes of a registry are known by the service's name.
        let server = try await authorities.issue(.init("greeter", alternativeNames: ["DNS:greeter.secured"]))
        let program = try ForeignProgram(
            try Programs.path("greeter-service"),
            environment: mdns.merging([
                "MICRO_SERVER_NAME": "greeter.secured", "MICRO_TLS_CERT": server.certificatePath,
                "MICRO_TLS_KEY": server.keyPath, "MICRO_TLS_CA": authorities.rootPath,
                "MICRO_TLS_CLIENT_AUTH": "required",
            ]) { $1 })
        try await program.waitForOutput("Service started.")

        let trusting = mdns.merging(["MICRO_TLS_CA": authorities.rootPath]) { $1 }
        let certified = trusting.merging([
            "MICRO_TLS_CERT": client.certificatePath, "MICRO_TLS_KEY": client.keyPath,
        ]) { $1 }
        let called = try await call("greeter.secured", certified)
        #expect(called.status == 0, "\(called.errors)")
        #expect(called.output == reply)

        let unknown = try await call("greeter.secured", trusting)
        #expect(unknown.status != 0)
        #expect(unknown.errors.contains("certificate"), "\(unknown.errors)")

        let plaintext = try await call("greeter.secured", mdns)
        #expect(plaintext.status != 0)
        #expect(plaintext.errors.contains("TLS"), "\(plaintext.errors)")
        await program.stop()
    }

    @Test func aServiceThatCannotStartSaysSoInALine() async throws {
        let program = try ForeignProgram(
            try Programs.path("greeter-service"), environment: ["MICRO_REGISTRY": "nothing"])
        #expect(try await program.exitStatus() == 1)
        let lines = program.errorOutput.split(separator: "\n")
        #expect(lines.count == 1, "\(program.errorOutput)")
        #expect(lines.first?.hasPrefix("greeter-service: ") == true)
        #expect(lines.first?.contains("MICRO_REGISTRY") == true)
    }
}
