// The gRPC project's interoperability test, the client's side:
//
//     swift run interop-client --server_host=127.0.0.1 --server_port=8080 --test_case=large_unary
//
// `--test_case=all` runs all cases. `docs/Interop.md` tells more. It exits with 1 if a case fails.
import ArgumentParser
import InteropSupport
import MicroDefaults

@main
struct InteropClientProgram: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "interop-client", abstract: "Runs cases against a server of grpc.testing.TestService.")

    @Option(name: .customLong("server_host"), help: "The server's host.")
    var host: String = "localhost"

    @Option(name: .customLong("server_port"), help: "The server's port.")
    var port: Int

    @Option(
        name: .customLong("server_host_override"),
        help: "The name that the server's certificate must have, in place of the host.")
    var hostOverride: String?

    @Option(name: .customLong("test_case"), help: "The name of a case, several with commas between, or all.")
    var cases: String

    @Option(name: .customLong("use_tls"), help: "Whether the connection is encrypted.")
    var usesTLS: Bool = false

    @Option(
        name: .customLong("use_test_ca"),
        help: "Whether the authority of --ca_file is trusted in place of the system's.")
    var usesTestCA: Bool = false

    @Option(name: .customLong("ca_file"), help: "The certificates of an authority in PEM form.")
    var authority: String?

    @OptionGroup var soak: SoakArguments

    func validate() throws {
        guard (1...65535).contains(port) else { throw ValidationError("--server_port is 1 to 65535.") }
        guard usesTestCA == (authority != nil) else {
            throw ValidationError("--use_test_ca=true goes together with --ca_file.")
        }
        guard usesTLS || !usesTestCA else { throw ValidationError("--use_test_ca needs --use_tls=true.") }
        _ = try chosen()
    }

    func run() async throws {
        let tls = TLSConfiguration(
            trustRoots: authority.map(TLSConfiguration.PEMSource.file), expectedName: hostOverride)
        let bracketed = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
        let target = InteropClient.Target(address: "\(bracketed):\(port)", tls: usesTLS ? tls : nil)
        var hasFailed = false
        for testCase in try chosen() {
            do {
                try await InteropClient.run(testCase, on: target, soak: soak.options)
                print("ok \(testCase.rawValue)")
            } catch {
                hasFailed = true
                // Mostly what a server says of the call.
                print("FAIL \(testCase.rawValue): \("\(error)".printable(limit: 4096))")
            }
        }
        if hasFailed { throw ExitCode.failure }
    }

    private func chosen() throws -> [InteropCase] {
        if cases == "all" { return InteropCase.allCases }
        return try cases.split(separator: ",").map { name in
            guard let testCase = InteropCase(rawValue: String(name)) else {
                let names = InteropCase.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("There is no case \"\(name)\". There are: \(names), and all.")
            }
            return testCase
        }
    }
}

/// How the soak cases are run, in the spelling of the gRPC project.
struct SoakArguments: ParsableArguments {
    @Option(name: .customLong("soak_iterations"), help: "How often a soak case makes its call.")
    var iterations: Int = 10

    @Option(name: .customLong("soak_max_failures"), help: "How many of them may fail.")
    var maximumFailures: Int = 0

    @Option(
        name: .customLong("soak_per_iteration_max_acceptable_latency_ms"),
        help: "How long each may take, in milliseconds.")
    var acceptableLatency: Int = 1000

    @Option(
        name: .customLong("soak_overall_timeout_seconds"),
        help: "How long all may take; as much as the iterations together by default.")
    var overallTimeout: Int?

    @Option(
        name: .customLong("soak_min_time_ms_between_rpcs"),
        help: "How long to wait from one call to the next, in milliseconds.")
    var pause: Int = 0

    var options: SoakOptions {
        var options = SoakOptions()
        options.iterations = iterations
        options.maximumFailures = maximumFailures
        options.acceptableLatency = .milliseconds(acceptableLatency)
        options.overallTimeout =
            overallTimeout.map { .seconds($0) } ?? .milliseconds(acceptableLatency) * max(iterations, 1)
        options.pause = .milliseconds(pause)
        return options
    }

    func validate() throws {
        let numbers = [iterations, maximumFailures, acceptableLatency, overallTimeout ?? 0, pause]
        guard numbers.allSatisfy({ (0...1_000_000_000).contains($0) }) else {
            throw ValidationError("The numbers of the soak cases are 0 to 1000000000.")
        }
    }
}
