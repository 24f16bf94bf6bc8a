import Foundation
import MicroTestSupport
import Testing

/// A service and the `micro` command that find each other by variables alone.
@Suite(.timeLimit(.minutes(1))) struct EndToEndTests {
    @Test func findsAServiceByVariablesAlone() async throws {
        let server = try await EtcdServer.started()
        let variables = ["MICRO_REGISTRY": "etcd", "MICRO_REGISTRY_ADDRESS": server.address]
        let greeter = try ForeignProgram(path("greeter-service"), environment: variables)
        try await greeter.waitForOutput("The service runs.")
        let listed = try await micro(["services"], variables)
        #expect(listed == "greeter\n")
        let reply = try await micro(["call", "greeter", "Greeter.Hello", #"{"name":"John"}"#], variables)
        #expect(reply.contains("Hello, John!"))
        let shown = try await micro(["get", "service", "greeter"], variables)
        #expect(shown.contains("registry=etcd"))
        await greeter.stop()
        #expect(greeter.status == 0)
        #expect(try await server.keys() == [])
        #expect(try await server.ctl(["lease", "list"]).contains("found 0 leases"))
    }

    @Test func saysAtTheStartThatAnAddressIsNone() async throws {
        let variables = ["MICRO_REGISTRY": "etcd", "MICRO_REGISTRY_ADDRESS": "nowhere:at:all"]
        let greeter = try ForeignProgram(path("greeter-service"), environment: variables)
        #expect(try await greeter.exitStatus() != 0)
        let text = greeter.output + greeter.errorOutput
        #expect(text.contains("MICRO_REGISTRY_ADDRESS") && text.contains("nowhere:at:all"), "\(text)")
    }

    @Test func endsTheStartWhereAPasswordIsWrong() async throws {
        let server = try await EtcdServer.started()
        for command in ["user add root:secret", "user grant-role root root", "auth enable"] {
            try await server.ctl(command.split(separator: " ").map(String.init))
        }
        let greeter = try ForeignProgram(
            path("greeter-service"),
            environment: [
                "MICRO_REGISTRY": "etcd", "MICRO_REGISTRY_ADDRESS": server.address,
                "MICRO_REGISTRY_USER": "root", "MICRO_REGISTRY_PASSWORD": "wr0ng",
            ])
        #expect(try await greeter.exitStatus() != 0)
        let text = greeter.output + greeter.errorOutput
        #expect(text.contains("authentication failed") && !text.contains("wr0ng"), "\(text)")
    }

    private func micro(_ arguments: [String], _ variables: [String: String]) async throws -> String {
        let program = try ForeignProgram(path("micro"), arguments, environment: variables)
        program.closeInput()
        let status = try await program.exitStatus()
        #expect(status == 0, "\(arguments): \(program.errorOutput)")
        return program.output
    }

    /// Returns the path of a program of this package, which was built together with the tests.
    private func path(_ name: String) throws -> String {
        let tests = try #require(Bundle.main.executableURL).resolvingSymlinksInPath()
        let beside = tests.deletingLastPathComponent().appendingPathComponent(name)
        if FileManager.default.isExecutableFile(atPath: beside.path) { return beside.path }
        // The tests may be run by a program of the toolchain.
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return root.appendingPathComponent(".build/debug/\(name)").path
    }
}
