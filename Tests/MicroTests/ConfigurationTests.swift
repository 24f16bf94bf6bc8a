import FoundationEssentials
import Micro
import MicroCodecJSON
import MicroCore
import MicroRegistryMemory
import MicroTransportMemory
import Testing

@Suite("Variables, flags and files", .timeLimit(.minutes(2)))
struct ConfigurationTests {
    /// Starts a service and returns what it registers.
    private func record(_ configuration: ConfigurationSources, name: String = "greeter") async throws
        -> ServiceRecord
    {
        let service = MicroService(
            name, version: "1", registry: MemoryRegistry(), transport: MemoryTransport(),
            plugins: testPlugins,
            configuration: configuration
        ) { hello }
        return try await service.withRunning { $0.record }
    }

    private func refusal(
        _ environment: [String: String] = [:], arguments: [String] = [], plugins: Plugins = testPlugins
    ) async throws -> StartError {
        let service = MicroService(
            "greeter", plugins: plugins, configuration: .test(environment, arguments: arguments)
        ) { hello }
        return try await #require(throws: StartError.self) { try await service.withRunning { _ in } }
    }

    @Test("the server's variables")
    func server() async throws {
        let record = try await record(
            .test([
                "MICRO_SERVER_NAME": "other", "MICRO_SERVER_VERSION": "2.0", "MICRO_SERVER_ID": "x7",
                "MICRO_SERVER_ADVERTISE": "example.org:80", "MICRO_SERVER_METADATA": "zone=a,query=b=c",
            ]))
        #expect(record.name == "other" && record.version == "2.0")
        let node = try #require(record.nodes.first)
        #expect(node.id == "other-x7" && node.address == "example.org:80")
        #expect(
            node.metadata == [
                "zone": "a", "query": "b=c", "protocol": "memory", "transport": "memory", "server": "memory",
                "registry": "memory",
            ])
    }

    @Test("defaults: the version of the code, a new id, the bound address")
    func defaults() async throws {
        let first = try await record(.test())
        let second = try await record(.test())
        #expect(first.version == "1")
        #expect(first.nodes[0].id.hasPrefix("greeter-") && first.nodes[0].id != second.nodes[0].id)
        #expect(first.nodes[0].address.hasPrefix("node-"))
    }

    @Test("value in code, then flag, then environment, then file")
    func precedence() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "micro-\(UUID().uuidString).json")
        try Data(
            #"{"server": {"name": "file", "version": "file", "id": "file"}, "server_metadata": ["a=b"]}"#.utf8
        )
        .write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let record = try await record(
            .test(
                ["MICRO_SERVER_NAME": "environment", "MICRO_SERVER_VERSION": "environment"],
                arguments: ["serve", "--config_file", file.path, "--server-name=flag", "--own", "x"],
                overrides: ["server.advertise": "code:1"]))
        #expect(record.name == "flag")
        #expect(record.version == "environment")
        #expect(record.nodes[0].id == "flag-file")
        #expect(record.nodes[0].address == "code:1")
        #expect(record.nodes[0].metadata?["a"] == "b")
    }

    @Test("a registry that is given in code is not chosen by a variable")
    func given() async throws {
        #expect(try await record(.test(["MICRO_REGISTRY": "nonsense"])).nodes.count == 1)
    }

    @Test("an unknown plugin names the variable, the value, what is linked and what to add")
    func unknownPlugin() async throws {
        let error = try await refusal(["MICRO_REGISTRY": "mdns"])
        #expect(error.code == .unknownPlugin)
        for part in ["MICRO_REGISTRY", "\"mdns\"", "memory", "MicroRegistryMDNS"] {
            #expect(error.message.contains(part))
        }
        #expect(try await refusal(["MICRO_REGISTRY": "etcd"]).message.contains("MicroRegistryEtcd"))
        #expect(try await refusal(["MICRO_SELECTOR": "best"]).message.contains("MICRO_SELECTOR is \"best\""))
        #expect(try await refusal(plugins: [.jsonCodec, .memoryTransport]).message.contains("No registry"))
        #expect(try await refusal(plugins: [.jsonCodec, .memoryRegistry]).message.contains("No transport"))
        let server = try await refusal(["MICRO_SERVER": "mucp"])
        #expect(server.message.contains("MICRO_SERVER is \"mucp\"") && server.message.contains("memory"))
        #expect(try await refusal(["MICRO_CLIENT": "mucp"]).message.contains("MICRO_CLIENT is \"mucp\""))
    }

    @Test("linked selectors and transports are chosen by variables")
    func chosen() async throws {
        let service = MicroService(
            "greeter", plugins: testPlugins,
            configuration: .test([
                "MICRO_SELECTOR": "roundrobin", "MICRO_SERVER": "memory", "MICRO_REGISTRY": "memory",
                "MICRO_TRANSPORT": "http",
            ])
        ) { hello }
        try await service.withRunning { running in
            let result = try await running.client.hello()
            #expect(result == "Hello, world!")
        }
    }

    @Test("two plugins of one name stop the start, naming both modules")
    func duplicates() async throws {
        let error = try await refusal(plugins: [
            .jsonCodec, .memoryTransport, .memoryRegistry, .memoryRegistry,
        ])
        #expect(error.code == .duplicatePlugin)
    }

    @Test(
        "values that can't be used name the variable and the value",
        arguments: [
            ("MICRO_CLIENT_REQUEST_TIMEOUT", "5"), ("MICRO_CLIENT_REQUEST_TIMEOUT", "-1s"),
            ("MICRO_CLIENT_REQUEST_TIMEOUT", "1x"), ("MICRO_CLIENT_REQUEST_TIMEOUT", "99999999999h"),
            ("MICRO_CLIENT_RETRIES", "-1"), ("MICRO_CLIENT_RETRIES", "two"),
            ("MICRO_CLIENT_POOL_SIZE", "0"), ("MICRO_CLIENT_POOL_TTL", "soon"),
            ("MICRO_REGISTER_TTL", "60s"), ("MICRO_REGISTER_INTERVAL", "-3"),
            ("MICRO_SERVER_METADATA", "novalue"), ("MICRO_SERVER_METADATA", "=x"),
            ("MICRO_SERVER_DRAIN_TIMEOUT", "1"),
        ])
    func unusable(_ variable: String, _ value: String) async throws {
        let error = try await refusal([variable: value])
        #expect(error.code == .invalidConfiguration)
        #expect(error.message.contains("\(variable) is \"\(value)\""))
    }

    @Test("names and addresses that can't be used")
    func addresses() async throws {
        #expect(try await refusal(["MICRO_SERVER_NAME": "a b"]).message.contains("\"a b\""))
        #expect(try await refusal(["MICRO_SERVER_ADDRESS": "x:99999"]).message.contains("x:99999"))
    }

    @Test(
        "a TTL that is not longer than the interval contradicts it",
        arguments: [("30", "30"), ("10", "20"), ("5", "0")])
    func contradictory(_ ttl: String, _ interval: String) async throws {
        let error = try await refusal(["MICRO_REGISTER_TTL": ttl, "MICRO_REGISTER_INTERVAL": interval])
        #expect(error.message.contains("MICRO_REGISTER_TTL is \(ttl)"))
        #expect(error.message.contains("MICRO_REGISTER_INTERVAL is \(interval)"))
    }

    @Test("a TTL and an interval of 0 mean for ever and never")
    func forever() async throws {
        let record = try await record(.test(["MICRO_REGISTER_TTL": "0", "MICRO_REGISTER_INTERVAL": "0"]))
        #expect(record.nodes.count == 1)
    }

    @Test("plugins see flags, variables and values in code under their role")
    func plugins() async throws {
        let journal = Journal()
        let address = Setting("address", .text, default: "", "where")
        let certificate = Setting("tls.cert", .text, default: "", scope: .shared, "which")
        let plugin = Plugin(.registry, "own", settings: [address.declaration, certificate.declaration]) {
            context in
            let values = (try context.settings[address], try context.settings[certificate])
            journal.add("\(context.service.name) \(values.0) \(values.1)")
            return MemoryRegistry()
        }
        let service = MicroService(
            "greeter", plugins: [plugin, .jsonCodec, .memoryTransport],
            configuration: .test(
                ["MICRO_TLS_CERT": "c", "MICRO_REGISTRY_ADDRESS": "variable"],
                arguments: ["--registry-address", "flag:1,flag:2"])
        ) { hello }
        try await service.withRunning { _ in }
        #expect(journal.lines == ["greeter flag:1,flag:2 c"])
    }

    @Test("parts that need each other in a circle stop the start, naming the path")
    func circle() async throws {
        let registry = Plugin(.registry, "r") { context in
            _ = try context.part(.selector)
            return MemoryRegistry()
        }
        let selector = Plugin(.selector, "s") { context in
            _ = try context.part(.registry)
            return RandomSelector()
        }
        let error = try await refusal(
            ["MICRO_SELECTOR": "s"], plugins: [registry, selector, .jsonCodec, .memoryTransport])
        #expect(error.message.contains("registry → selector → registry"))
    }

    @Test("a flag's error names the flag")
    func flagErrors() async throws {
        #expect(try await refusal(arguments: ["--registry"]).message.contains("--registry has no value"))
        #expect(
            try await refusal(arguments: ["--client_retries", "x"]).message.contains(
                "--client_retries is \"x\""))
        #expect(try await refusal(arguments: ["--client_retris=3"]).message.contains("--client_retris"))
        #expect(try await refusal(arguments: ["--registry=consul"]).message.contains("consul"))
    }

    @Test(
        "other flags are the program's own",
        arguments: [["--verbose"], ["-x"], ["--", "--registry"], ["--port=1"]])
    func foreignFlags(_ arguments: [String]) async throws {
        #expect(try await record(.test(arguments: arguments)).name == "greeter")
    }

    @Test("a file that can't be used is named")
    func files() async throws {
        #expect(
            try await refusal(["MICRO_CONFIG_FILE": "/nowhere.json"]).message.contains("/nowhere.json"))
        let file = FileManager.default.temporaryDirectory.appending(path: "micro-\(UUID().uuidString).json")
        try Data("[1]".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let error = try await refusal(["MICRO_CONFIG_FILE": file.path])
        #expect(error.message.contains("is not a JSON object"))
    }
}
