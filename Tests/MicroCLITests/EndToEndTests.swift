import Foundation
import MicroTestSupport
import Testing

/// The built `micro` and the built example service, as a user runs them.
@Suite(.timeLimit(.minutes(2))) struct EndToEndTests {
    private let reply = "{\n\t\"message\": \"Hello, John!\"\n}\n"

    @Test func findsAndCallsAServiceOverMDNS() async throws {
        let (name, program) = try await Programs.greeter(environment: ["MICRO_REGISTRY": "mdns"])
        let mdns = ["MICRO_REGISTRY": "mdns"]

        let services = try await Programs.micro("services", environment: mdns)
        #expect(services.status == 0)
        let names = services.output.split(separator: "\n").map(String.init)
        #expect(names.contains(name))
        #expect(names == names.sorted())

        let listed = try await Programs.micro("list", "services", "--registry", "mdns")
        #expect(listed.output.split(separator: "\n").contains(Substring(name)))

        let shown = try await Programs.micro("get", "service", name, environment: mdns)
        #expect(shown.status == 0)
        #expect(
            shown.output.hasPrefix("service  \(name)\n\nversion latest\n\nID\tAddress\tMetadata\n\(name)-"))
        #expect(shown.output.contains("protocol=grpc,registry=mdns,server=grpc,transport=grpc"))
        #expect(
            shown.output.hasSuffix(
                """
                Endpoint: Greeter.Hello

                Request: {
                \tname string
                }

                Response: {
                \tmessage string
                }

                """))

        let called = try await Programs.micro(
            "call", name, "Greeter.Hello", #"{"name":"John"}"#, environment: mdns)
        #expect(called.status == 0, "\(called.errors)")
        #expect(called.output == reply)
        await program.stop()
        #expect(program.status == 0)
    }

    @Test func callsAnAddressWithoutARegistry() async throws {
        let port = try FreePort.tcp()
        let (name, program) = try await Programs.greeter(environment: [
            "MICRO_REGISTRY": "memory", "MICRO_SERVER_ADDRESS": "127.0.0.1:\(port)",
        ])
        let address = "127.0.0.1:\(port)"
        let piped = try await Programs.micro(
            "call", name, "Greeter.Hello", "-", "--address", address, "--metadata", "trace=1",
            "--request_timeout", "10s", input: #"{"name": "John"}"#)
        #expect(piped.status == 0, "\(piped.errors)")
        #expect(piped.output == reply)

        let raw = try await Programs.micro(
            "call", "any", "Greeter.Hello", #"{"name":"John"}"#, "--address", address, "-o", "raw")
        #expect(raw.output == #"{"message":"Hello, John!"}"#)

        let unknown = try await Programs.micro("call", name, "Other.Hello", "{}", "--address", address)
        #expect(unknown.status == 5)
        #expect(unknown.output.isEmpty)
        #expect(unknown.errors.hasPrefix("error calling \(name).Other.Hello: {"))
        #expect(unknown.errors.contains("unknown service Other"))
        #expect(unknown.errors.split(separator: "\n").count == 1)

        let incomplete = try await Programs.micro("call", name, "Greeter.Hello", "{}", "--address", address)
        #expect(incomplete.status == 127)
        #expect(incomplete.errors.contains(#""code":400"#))
        await program.stop()

        let gone = try await Programs.micro("call", name, "Greeter.Hello", "{}", "--address", address)
        #expect(gone.status == 4)
        #expect(gone.errors.contains(address))
    }

    @Test func tellsWhatIsNotThere() async throws {
        let shown = try await Programs.micro("get", "service", "nobody", "--registry", "memory")
        #expect(shown.status == 4)
        #expect(shown.output.isEmpty)
        #expect(shown.errors == "Service not found\n")

        let called = try await Programs.micro("--registry", "mdns", "call", "nobody-has-this-name", "A.B")
        #expect(called.status == 4)
        #expect(called.errors.contains("service nobody-has-this-name: not found"))

        let services = try await Programs.micro("services", "--registry", "memory")
        #expect(services.status == 0)
        #expect(services.output.isEmpty && services.errors.isEmpty)
    }

    @Test func aRegistryThatIsDownIsNamedOnceAndSoon() async throws {
        let etcd = [
            "MICRO_REGISTRY": "etcd", "MICRO_REGISTRY_ADDRESS": "127.0.0.1:\(try FreePort.tcp())",
        ]
        let called = try await Programs.micro("call", "x", "A.B", environment: etcd)
        #expect(called.status == 4)
        #expect(called.errors.hasPrefix("error calling x.A.B: {"))
        #expect(called.errors.contains("etcd can't be reached"), "\(called.errors)")
        #expect(called.errors.split(separator: "\n").count == 1)

        let start = ContinuousClock.now
        let bounded = try await Programs.micro(
            "call", "x", "A.B", "--request_timeout", "100ms", environment: etcd)
        #expect(bounded.status == 1, "\(bounded.errors)")
        #expect(ContinuousClock.now - start < .seconds(4))
    }

    @Test func refusesWhatCannotBeSent() async throws {
        let json = try await Programs.micro(
            "call", "x", "A.B", "{\n  \"a\": oops}", "--address", "127.0.0.1:1")
        #expect(json.status == 64)
        #expect(json.errors.hasPrefix("The request is not JSON: line 2, column 8: "))

        let method = try await Programs.micro("call", "x", "Hello", "{}")
        #expect(method.status == 3)

        let metadata = try await Programs.micro("call", "x", "A.B", "--metadata", "oops")
        #expect(metadata.status == 64)
        #expect(metadata.errors.contains("\"oops\""))

        let timeout = try await Programs.micro("call", "x", "A.B", "--request_timeout", "soon")
        #expect(timeout.status == 64)
        #expect(timeout.errors.contains("\"soon\""))

        let address = try await Programs.micro("call", "x", "A.B", "--address", "nowhere")
        #expect(address.status == 64)
        #expect(address.errors.contains("host:port"))
    }

    @Test func explainsWrongConfiguration() async throws {
        let registry = try await Programs.micro("services", environment: ["MICRO_REGISTRY": "consul"])
        #expect(registry.status == 127)
        #expect(registry.errors.contains("\"consul\""))
        #expect(registry.errors.contains("Linked: etcd, mdns, memory"))
        #expect(registry.errors.split(separator: "\n").count == 1)

        let option = try await Programs.micro("services", "--registry", "mdsn")
        #expect(option.status == 64)
        #expect(option.errors.contains("Linked: etcd, mdns, memory."))
        #expect(option.errors.hasSuffix("Did you mean \"mdns\"?\n"))

        let level = try await Programs.micro("services", environment: ["MICRO_LOG_LEVEL": "loud"])
        #expect(level.status == 127)
        let json = try await Programs.micro(
            "services", "--registry", "mdns",
            environment: ["MICRO_LOG_LEVEL": "debug", "MICRO_LOG_FORMAT": "json"])
        #expect(json.status == 0)
        let lines = json.errors.split(separator: "\n")
        #expect(
            !lines.isEmpty && lines.allSatisfy { $0.hasPrefix("{") && $0.hasSuffix("}") }, "\(json.errors)")
        #expect(level.errors.contains("MICRO_LOG_LEVEL is \"loud\". It must be one of trace, debug, "))

        let usage = try await Programs.micro("call")
        #expect(usage.status == 64)
    }

    @Test func speaksJSONToAServiceOfProtobufMessages() async throws {
        let port = try FreePort.tcp()
        let program = try ForeignProgram(
            Programs.path("greeter-protobuf"),
            environment: ["MICRO_REGISTRY": "memory", "MICRO_SERVER_ADDRESS": "127.0.0.1:\(port)"])
        try await program.waitForOutput("Service started.")
        let called = try await Programs.micro(
            "call", "greeter-protobuf", "Greeter.Hello", #"{"name":"John"}"#, "--address", "127.0.0.1:\(port)"
        )
        #expect(called.status == 0, "\(called.errors)")
        #expect(called.output == reply)
        await program.stop()
    }

    @Test func theStreamingExampleTellsWhatHappens() async throws {
        let program = try ForeignProgram(Programs.path("streaming"))
        #expect(try await program.exitStatus() == 0, "\(program.errorOutput)")
        #expect(
            program.output == """
                count: 3
                count: 2
                count: 1
                count: 0
                sum: 10
                shout: HELLO
                shout: STREAMS

                """)
    }

    @Test func toolsThatNeedNoNetwork() async throws {
        let version = try await Programs.micro("version")
        #expect(version.status == 0)
        #expect(version.output.hasPrefix("micro "))

        let plugins = try await Programs.micro("plugins")
        #expect(plugins.status == 0)
        let rows = plugins.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(rows.contains { $0.starts(with: ["registry", "mdns", "MicroRegistryMDNS", "*"]) })
        #expect(
            rows.contains { $0.starts(with: ["registry", "memory", "MicroRegistryMemory"]) && $0[3] != "*" })
        #expect(
            rows.contains { $0.starts(with: ["transport", "grpc", "http2", "MicroTransportHTTP2", "*"]) })

        let help = try await Programs.micro("call", "--help")
        #expect(help.status == 0)
        for option in ["--metadata", "--address", "--output", "--request_timeout", "--registry_address"] {
            #expect(help.output.contains(option))
        }
        let completion = try await Programs.micro("--generate-completion-script", "bash")
        #expect(completion.status == 0)
        #expect(completion.output.contains("complete"))
    }
}
