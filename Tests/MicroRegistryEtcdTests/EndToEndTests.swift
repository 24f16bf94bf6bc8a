import EtcdTestSupport
import Foundation
import Micro
import MicroCore
import MicroRegistryEtcd
import MicroTestSupport
import MicroTransportHTTP2
import Testing

private struct HelloRequest: Codable { var name: String }
private struct HelloReply: Codable { var message: String }

extension MicroClient {
    fileprivate func hello(_ name: String) async throws -> String {
        try await call(
            "greeter", "Greeter.Hello", HelloRequest(name: name), returning: HelloReply.self
        ).message
    }
}

/// A service and the `micro` command that find each other by variables alone.
@Suite(.timeLimit(.minutes(1))) struct EndToEndTests {
    @Test func findsAServiceByVariablesAlone() async throws {
        let server = try await EtcdServer.started()
        let variables = ["MICRO_REGISTRY": "etcd", "MICRO_REGISTRY_ADDRESS": server.address]
        let greeter = try ForeignProgram(path("greeter-service"), environment: variables)
        try await greeter.waitForOutput("Service started.")
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

    /// Whoever can write to the registry need not be allowed to use what this machine's sockets lead to.
    @Test(arguments: ["health", "stats"])
    func asksNoNodeThatTheRegistryPlacesOnAUnixSocket(command: String) async throws {
        let server = try await EtcdServer.started()
        let variables = ["MICRO_REGISTRY": "etcd", "MICRO_REGISTRY_ADDRESS": server.address]
        let socket = FileManager.default.temporaryDirectory.appending(
            path: "micro-\(UUID().uuidString.prefix(8)).sock"
        ).path
        let greeter = try ForeignProgram(
            path("greeter-service"),
            environment: variables.merging(["MICRO_SERVER_ADDRESS": "unix:\(socket)"]) { first, _ in first })
        try await greeter.waitForOutput("Service started.")
        let asked = try ForeignProgram(path("micro"), [command, "greeter"], environment: variables)
        #expect(try await asked.exitStatus() != 0)
        #expect(asked.output.contains("host:port"), "\(asked.output)\(asked.errorOutput)")
        // The user may ask the same socket.
        let typed = try ForeignProgram(
            path("micro"), [command, "greeter", "--address", "unix:\(socket)"], environment: variables)
        #expect(try await typed.exitStatus() == 0, "\(typed.output)\(typed.errorOutput)")
        await greeter.stop()
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

    @Test func losesNoCallWhenThreeOfFourInstancesAreKilled() async throws {
        let server = try await EtcdServer.started()
        let variables = ["MICRO_REGISTRY": "etcd", "MICRO_REGISTRY_ADDRESS": server.address]
        var greeters: [ForeignProgram] = []
        for _ in 0..<4 {
            greeters.append(try ForeignProgram(path("greeter-service"), environment: variables))
        }
        for greeter in greeters { try await greeter.waitForOutput("Service started.") }
        let client = MicroClient(
            registry: EtcdRegistry(addresses: [server.address]), transports: [HTTP2Transport()],
            configuration: ConfigurationSources(environment: [:]))
        let failures = try await withMicroClient(client) { client in
            // Connections to all of them.
            for _ in 0..<100 { _ = try await client.hello("John") }
            for greeter in greeters.dropFirst() { greeter.send(signal: SIGKILL) }
            for greeter in greeters.dropFirst() { try await greeter.exitStatus() }
            var failures = 0
            for _ in 0..<1000 {
                do { _ = try await client.hello("John") } catch { failures += 1 }
            }
            return failures
        }
        // One call may be sent on each connection before its loss is seen; such a call may have had its effect.
        #expect(failures <= 3)
        // The leases have not ended, and each command knows nothing of those before it.
        #expect(try await server.keys().count == 4)
        for _ in 0..<10 {
            let reply = try await micro(["call", "greeter", "Greeter.Hello", #"{"name":"John"}"#], variables)
            #expect(reply.contains("Hello, John!"))
        }
    }

    @Test func endsAtOnceAtTheSecondSignal() async throws {
        let server = try await EtcdServer.started()
        let greeter = try ForeignProgram(
            path("greeter-service"),
            environment: [
                "MICRO_REGISTRY": "etcd", "MICRO_REGISTRY_ADDRESS": server.address,
                "MICRO_SERVER_DEREGISTRATION_DELAY": "60s",
            ])
        try await greeter.waitForOutput("Service started.")
        greeter.send(signal: SIGINT)
        try await greeter.waitForOutput("to see the deregistration")
        greeter.send(signal: SIGTERM)
        #expect(try await greeter.exitStatus() == 0)
        #expect(greeter.errorOutput.contains("Service stopped."), "\(greeter.errorOutput)")
    }

    @Test func doesNotWaitForARegistryThatItNeverReached() async throws {
        let greeter = try ForeignProgram(
            path("greeter-service"),
            environment: [
                "MICRO_REGISTRY": "etcd", "MICRO_REGISTRY_ADDRESS": "127.0.0.1:\(try FreePort.tcp())",
                "MICRO_LOG_LEVEL": "debug",
            ])
        try await greeter.waitForOutput("can't be")
        let begin = ContinuousClock.now
        greeter.send(signal: SIGTERM)
        #expect(try await greeter.exitStatus() == 0)
        #expect(.now - begin < .seconds(4), "\(greeter.errorOutput)")
    }

    @Test func logsAsItIsAskedTo() async throws {
        let server = try await EtcdServer.started()
        let variables = [
            "MICRO_REGISTRY": "etcd", "MICRO_REGISTRY_ADDRESS": server.address, "MICRO_LOG_FORMAT": "json",
        ]
        let greeter = try ForeignProgram(path("greeter-service"), environment: variables)
        try await greeter.waitForOutput("Service started.")
        await greeter.stop()
        let lines = greeter.errorOutput.split(separator: "\n")
        for line in lines {
            let entry = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            #expect(entry?["level"] is String && entry?["message"] is String, "\(line)")
        }
        #expect(lines.contains { $0.contains("Service stopped.") })
        let quiet = try ForeignProgram(
            path("greeter-service"), environment: variables.merging(["MICRO_LOG_LEVEL": "error"]) { $1 })
        while try await server.keys().isEmpty { try await Task.sleep(for: .milliseconds(20)) }
        await quiet.stop()
        #expect(quiet.errorOutput.isEmpty && quiet.output.isEmpty)
        let confused = try ForeignProgram(path("greeter-service"), environment: ["MICRO_LOG_LEVEL": "loud"])
        #expect(try await confused.exitStatus() == 1)
        #expect(confused.errorOutput.contains("MICRO_LOG_LEVEL is \"loud\""))
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
