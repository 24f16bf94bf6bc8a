import Foundation
import MicroTestSupport

/// The programs of this package, as they were built together with the tests.
enum Programs {
    /// Returns the path of a program.
    static func path(_ name: String) throws -> String { try BuiltPrograms.path(name) }

    /// Runs `micro` to its end.
    static func micro(
        _ arguments: String..., input: String = "", environment: [String: String] = [:]
    ) async throws -> (status: Int32, output: String, errors: String) {
        let program = try ForeignProgram(path("micro"), arguments, environment: environment)
        if !input.isEmpty { try program.write(input) }
        program.closeInput()
        let status = try await program.exitStatus()
        return (status, program.output, program.errorOutput)
    }

    /// Starts a service of a name that nobody else on the network has.
    static func greeter(
        environment: [String: String] = [:]
    ) async throws -> (name: String, program: ForeignProgram) {
        let name = "greeter-\(UUID().uuidString.prefix(8).lowercased())"
        let program = try ForeignProgram(
            path("greeter-service"),
            environment: ["MICRO_SERVER_NAME": name].merging(environment) { _, new in new })
        try await program.waitForOutput("Service started.")
        return (name, program)
    }
}
