import Foundation
import MicroCore
import MicroTestSupport
import Testing

@testable import MicroCommands

/// What the command says to those who mistype, and what it offers to a shell.
@Suite(.timeLimit(.minutes(2))) struct UsageTests {
    private let mdns = ["MICRO_REGISTRY": "mdns"]

    @Test(arguments: [
        (["servces"], "services"), (["get", "greeter"], "get service greeter"),
        (["get", "servce", "x"], "get service"), (["list", "svc"], "list services"),
        (["helth", "x"], "health"),
        (["--registry", "mdns", "stat", "x"], "stats"), (["get", "services"], "get service"),
    ])
    func aCommandThatIsNotThereGetsASuggestion(arguments: [String], meant: String) async throws {
        #expect(await CommandSuggestion.question(arguments) == "Did you mean 'micro \(meant)'?")
    }

    @Test(arguments: [["services", "extra"], ["call"], ["xyzzy"], [], ["--nonsense"]])
    func whatNobodyCanGuessGetsNone(arguments: [String]) async {
        #expect(await CommandSuggestion.question(arguments) == nil)
    }

    @Test func wrongUsageOfAnyKindHasOneExitStatus() async throws {
        let lines: [[String]] = [
            ["servces"], ["get", "greeter"], ["services", "extra"], ["call"], ["call", "x", "A.B", "{oops"],
            ["call", "x", "A.B", "--metadata", "oops"], ["call", "x", "A.B", "--request_timeout", "soon"],
            ["call", "x", "A.B", "--address", "nowhere"], ["call", "x", "A.B", "-o", "xml"],
            ["logs", "x", "--since", "soon"], ["logs", "x", "-n", "0"],
            ["health", "x", "--address", "nowhere"],
            ["publish", "t", "oops"], ["publish", "two words"], ["subscribe", "a.*"],
            ["services", "--registry", "x"], ["publish", "t", "--broker", "x"], ["services", "-o", "yaml"],
        ]
        for line in lines {
            let program = try ForeignProgram(
                Programs.path("micro"), line, environment: ["MICRO_REGISTRY": "memory"])
            #expect(try await program.exitStatus() == 64, "\(line): \(program.errorOutput)")
            #expect(program.output.isEmpty)
            #expect(!program.errorOutput.isEmpty)
        }
    }

    @Test func aServiceOrEndpointThatIsNotThereGetsASuggestion() async throws {
        let (name, program) = try await Programs.greeter(environment: mdns)
        let mistyped = name.replacingOccurrences(of: "greeter", with: "greter")
        for arguments in [
            ["get", "service", mistyped], ["health", mistyped], ["call", mistyped, "Greeter.Hello"],
        ] {
            let micro = try ForeignProgram(Programs.path("micro"), arguments, environment: mdns)
            #expect(try await micro.exitStatus() == 4)
            #expect(micro.errorOutput.hasSuffix("\nDid you mean \"\(name)\"?\n"), "\(micro.errorOutput)")
        }
        let endpoint = try await Programs.micro("call", name, "Greeter.Helo", "{}", environment: mdns)
        #expect(endpoint.status == 5)
        #expect(endpoint.errors.hasSuffix("\nDid you mean \"Greeter.Hello\"?\n"), "\(endpoint.errors)")

        let field = try await Programs.micro(
            "call", name, "Greeter.Hello", #"{"nam":"x"}"#, environment: mdns)
        #expect(field.status == 64)
        #expect(
            field.errors
                == "The request has no field \"nam\". The fields are: name.\nDid you mean \"name\"?\n"
                + "--allow-unknown-fields sends it all the same.\n")
        let allowed = try await Programs.micro(
            "call", name, "Greeter.Hello", #"{"nam":"x","name":"John"}"#, "--allow-unknown-fields",
            environment: mdns)
        #expect(allowed.status == 0, "\(allowed.errors)")
        await program.stop()
    }

    @Test func completesServicesEndpointsAndPluginsAndLogsNothing() async throws {
        let (name, program) = try await Programs.greeter(environment: mdns)
        func complete(_ argument: String, _ command: String, _ words: String...) async throws -> [String] {
            let micro = try ForeignProgram(
                Programs.path("micro"),
                ["---completion", command, "--", argument, "\(words.count - 1)", "0"] + words,
                environment: ["SAP_SHELL": "bash", "MICRO_LOG_LEVEL": "trace", "MICRO_REGISTRY": "mdns"])
            #expect(try await micro.exitStatus() == 0)
            #expect(micro.errorOutput.isEmpty, "\(micro.errorOutput)")
            return micro.output.split(separator: "\n").map(String.init)
        }
        #expect(try await complete("positional@0", "call", "micro", "call", "").contains(name))
        #expect(try await complete("positional@1", "call", "micro", "call", name, "") == ["Greeter.Hello"])
        #expect(
            try await complete("positional@1", "call", "micro", "call", "--registry", "mdns", name, "Gre")
                == ["Greeter.Hello"])
        // The option on the command line goes before the variable.
        #expect(
            try await complete("positional@0", "call", "micro", "call", "--registry=memory", "").isEmpty)
        #expect(
            try await complete("--registry", "services", "micro", "services", "--registry", "").contains(
                "etcd"))
        #expect(
            try await complete("--broker", "publish", "micro", "publish", "--broker", "").contains("nats"))
        await program.stop()
    }

    /// bash expands the words that it completes, so that a name such as `$(command)` would be run.
    @Test func noServiceRunsACommandByItsName() async throws {
        let (name, program) = try await Programs.greeter(environment: mdns)
        let evil = try ForeignProgram(
            try Programs.path("greeter-service"),
            environment: ["MICRO_REGISTRY": "mdns", "MICRO_SERVER_NAME": "evil-$(id)"])
        try await evil.waitForOutput("Service started.")
        let services = try await Programs.micro("services", environment: mdns)
        try #require(services.output.contains("evil-$(id)"))
        let micro = try ForeignProgram(
            Programs.path("micro"),
            ["---completion", "call", "--", "positional@0", "2", "0", "micro", "call", ""],
            environment: mdns.merging(["SAP_SHELL": "bash"]) { $1 })
        #expect(try await micro.exitStatus() == 0)
        #expect(micro.output.contains(name))
        #expect(!micro.output.contains("evil"))
        await evil.stop()
        await program.stop()
    }

    @Test(arguments: ["40", "10", "1", "0", "-5", "80", "x"])
    func anyWidthLeavesTheHelpWhole(columns: String) async throws {
        for arguments in [["--help"], ["call", "--help"], ["plugins"]] {
            let micro = try ForeignProgram(
                Programs.path("micro"), arguments, environment: ["COLUMNS": columns])
            #expect(try await micro.exitStatus() == 0)
            let usual = try ForeignProgram(Programs.path("micro"), arguments, environment: ["COLUMNS": "80"])
            #expect(try await usual.exitStatus() == 0)
            #expect(micro.output == usual.output)
        }
    }
}
