import Foundation
import MicroTestSupport
import Testing

/// The built `micro logs` against the built example service.
@Suite(.timeLimit(.minutes(2))) struct LogsTests {
    private let mdns = ["MICRO_REGISTRY": "mdns"]

    @Test func aServiceOnAllAddressesShowsItsLogOnItsOwnMachine() async throws {
        let (name, program) = try await Programs.greeter(environment: mdns)
        let shown = try await Programs.micro("logs", name, environment: mdns)
        #expect(shown.status == 0, "\(shown.errors)")
        #expect(shown.output.contains("Service started."))
        await program.stop()
    }

    /// Like `micro subscribe`, which only a signal ends.
    @Test(arguments: [SIGINT, SIGTERM])
    func followingEndsWellBySignal(signal: Int32) async throws {
        let (name, program) = try await Programs.greeter(environment: mdns)
        let micro = try ForeignProgram(Programs.path("micro"), ["logs", "-f", name], environment: mdns)
        try await micro.waitForOutput("Service started.")
        micro.send(signal: signal)
        #expect(try await micro.exitStatus() == 0)
        #expect(micro.errorOutput.isEmpty)
        await program.stop()
    }

    @Test(.enabled(if: NetworkNamespaces.areAvailable))
    func anotherMachineIsRefused() async throws {
        let machines = try await NetworkNamespaces()
        let port = "4711"
        let service = try machines.start(
            try Programs.path("greeter-service"), [], on: machines.first,
            environment: ["MICRO_REGISTRY": "memory", "MICRO_SERVER_ADDRESS": ":\(port)"])
        try await service.waitForOutput("Service started.")

        let address = "\(NetworkNamespaces.firstAddress):\(port)"
        let micro = try Programs.path("micro")
        let own = try machines.start(micro, ["logs", "greeter", "--address", address], on: machines.first)
        #expect(try await own.exitStatus() == 0, "\(own.errorOutput)")
        #expect(own.output.contains("Service started."))

        let other = try machines.start(
            micro, ["logs", "greeter", "--address", address], on: machines.second)
        #expect(try await other.exitStatus() == 127)
        #expect(other.output.isEmpty)
        #expect(
            other.errorOutput.contains("answers callers on the same machine only"), "\(other.errorOutput)")
        let health = try machines.start(
            micro, ["health", "greeter", "--address", address], on: machines.second)
        #expect(try await health.exitStatus() == 0, "\(health.errorOutput)")
        await service.stop()
        try await machines.remove()
    }
}
