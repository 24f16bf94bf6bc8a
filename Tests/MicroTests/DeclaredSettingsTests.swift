import Configuration
import InMemoryLogging
import Logging
import MicroCore
import MicroRegistryMemory
import MicroTransportMemory
import Testing

@testable import Micro

/// What becomes of the settings that plugins declare: flags, warnings, help, and values of a reader of the program's own.
@Suite("Declared settings", .timeLimit(.minutes(2)))
struct DeclaredSettingsTests {
    private static let capacity = Setting(
        "capacity", .number(in: 1...10), default: 3, "how many records it keeps")
    private static let password = Setting("password", .text, isSecret: true, "what opens it")
    private static let isOn = Setting(
        "cellar", .choice(["on": true, "off": false]), default: true, scope: .shared, "whether it is there")
    private static let lane = Setting("lane", .text, default: "none", "which lane")

    /// A role that nobody else knows, and a set.
    private struct Store: Part, Sendable { let text: String }
    private static let store = PluginRole<Store>(
        "cellarstore", preferring: ["oak"], meaning: "where barrels are")
    private static let cart = PluginRole<Store>.set("cart")

    private static func plugins(_ journal: Journal) -> Plugins {
        testPlugins.adding([
            Plugin(
                store, "oak", settings: [capacity.declaration, password.declaration, isOn.declaration]
            ) { context in
                let (size, isOn) = (try context.settings[capacity], try context.settings[isOn])
                journal.add("oak \(size) \(isOn)")
                return Store(text: "oak")
            },
            Plugin(cart, "red", settings: [lane.declaration]) { context in
                journal.add("red \(try context.settings[lane])")
                return Store(text: "red")
            },
            Plugin(cart, "blue", settings: [lane.declaration]) { context in
                journal.add("blue \(try context.settings[lane])")
                return Store(text: "blue")
            },
        ])
    }

    private func service(_ configuration: ConfigurationSources, _ journal: Journal) -> MicroService {
        MicroService(
            "greeter", version: "7", registry: MemoryRegistry(), transport: MemoryTransport(),
            plugins: Self.plugins(journal), configuration: configuration
        ) { hello }
        .using(Self.store).using(Self.cart)
    }

    private func lines(_ configuration: ConfigurationSources) async throws -> [String] {
        let journal = Journal()
        try await service(configuration, journal).withRunning { _ in }
        return journal.lines.sorted()
    }

    private func log(_ configuration: ConfigurationSources) async throws -> [String] {
        let handler = InMemoryLogHandler()
        var logger = Logger(label: "test") { _ in handler }
        logger.logLevel = .info
        try await withLogger(logger) { _ in
            try await service(configuration, Journal()).withRunning { _ in }
        }
        return handler.entries.map { "\($0.level) \($0.message)" }
    }

    @Test("flags, variables and the members of a set reach a plugin by what it declares")
    func values() async throws {
        #expect(try await lines(.test()) == ["blue none", "oak 3 true", "red none"])
        let set = try await lines(
            .test(
                ["MICRO_CART_LANE": "left", "MICRO_CART_RED_LANE": "right"],
                arguments: ["--cellarstore_capacity", "9", "--cellar=off"]))
        #expect(set == ["blue left", "oak 9 false", "red right"])
    }

    @Test("a value that can't be used names the flag that has it")
    func invalid() async throws {
        let error = await #expect(throws: StartError.self) {
            _ = try await lines(.test(arguments: ["--cellar", "perhaps"]))
        }
        #expect(error?.message == "--cellar is \"perhaps\"; it takes on or off.")
    }

    @Test("a part reads nothing that its plugin has not declared")
    func undeclared() async throws {
        let plugin = Plugin(Self.store, "pine") { context in
            Store(text: "\(try context.settings[Self.capacity])")
        }
        let service = MicroService(
            "greeter", registry: MemoryRegistry(), transport: MemoryTransport(),
            plugins: testPlugins.adding([plugin]), configuration: .test()
        ) { hello }
        .using(Self.store)
        let error = await #expect(throws: StartError.self) { try await service.withRunning { _ in } }
        #expect(error?.message.contains("MICRO_CELLARSTORE_CAPACITY") == true)
    }

    @Test("a variable that nothing reads is warned of with the nearest name")
    func misspelled() async throws {
        let entries = try await log(
            .test(
                ["MICRO_SERVR_ADDRESS": ":0", "MICRO_SOMETHING_ELSE": "x", "OTHER": "y"],
                overrides: ["cellarstore.capasity": "4"]))
        #expect(
            entries.contains(
                "warning MICRO_SERVR_ADDRESS is set, but nothing reads it. Did you mean MICRO_SERVER_ADDRESS?"
            ))
        #expect(
            entries.contains(
                "warning The value in code of MICRO_CELLARSTORE_CAPASITY is set, but nothing reads it. Did you mean "
                    + "MICRO_CELLARSTORE_CAPACITY?"))
        #expect(entries.contains("info Nothing that is linked reads MICRO_SOMETHING_ELSE."))
        #expect(!entries.contains { $0.contains("OTHER") && !$0.contains("SOMETHING") })
    }

    @Test("what is spelled right is not warned of")
    func silent() async throws {
        let entries = try await log(
            .test([
                "MICRO_SERVER_ADDRESS": ":0", "MICRO_CART_RED_LANE": "x", "MICRO_REGISTRY": "memory",
                "MICRO_CELLARSTORE": "oak", "MICRO_LOG_LEVEL": "info",
            ]))
        #expect(!entries.contains { $0.contains("reads") })
    }

    @Test("a misspelled flag of a role ends the start with the nearest")
    func flags() async throws {
        let error = await #expect(throws: StartError.self) {
            _ = try await lines(.test(arguments: ["--cellarstore_capasity=3"]))
        }
        #expect(
            error?.message
                == "The flag --cellarstore_capasity is not known. Did you mean --cellarstore_capacity?")
    }

    @Test("a reader of the program's own comes behind the environment and before the file")
    func reader() async throws {
        let reader = ConfigReader(
            provider: InMemoryProvider(values: [
                "micro.cellarstore.capacity": "5", "micro.cart.red.lane": "reader", "micro.cellar": "off",
            ]))
        var configuration = ConfigurationSources.test(["MICRO_CELLAR": "on"])
        configuration.reader = reader
        #expect(try await lines(configuration) == ["blue none", "oak 5 true", "red reader"])
        configuration.reader = ConfigReader(provider: InMemoryProvider(values: ["micro.cellar": "never"]))
        configuration.environment = [:]
        let error = await #expect(throws: StartError.self) { _ = try await lines(configuration) }
        #expect(error?.message == "The configuration's micro.cellar is \"never\"; it takes on or off.")
    }

    @Test("help shows every setting, what is set, by whom, and no secret")
    func help() throws {
        let help = try service(
            .test(
                ["MICRO_CELLARSTORE_PASSWORD": "hidden"], arguments: ["--help", "--cellarstore_capacity=9"]),
            Journal()
        ).help()
        #expect(help.contains("The service greeter."))
        #expect(
            help.contains(
                "  --cellarstore_capacity  (a number from 1 to 10)\n      how many records it keeps\n      now 9, from "
                    + "--cellarstore_capacity\n"))
        #expect(help.contains("now …, from MICRO_CELLARSTORE_PASSWORD") && !help.contains("hidden"))
        #expect(help.contains("--server_name  (a name)") && help.contains("now greeter, from the code"))
        #expect(
            help.contains("--server_drain_timeout  (a duration from 0 to 1h)")
                && help.contains("default: 10s"))
        #expect(help.contains("\nCELLARSTORE OAK\n") && help.contains("--cellarstore  (oak)"))
        #expect(help.split(separator: "\n").allSatisfy { $0.count <= 100 || $0.hasPrefix("  --") })
    }

    @Test("every setting has a meaning, and says what it takes")
    func declarations() {
        let groups = SettingCatalogue(testPlugins, overrides: PartOverrides()).groups
        #expect(
            groups.map(\.name).starts(with: [
                "service", "overload", "client", "selection", "plugins", "tls", "log", "file",
            ]))
        for entry in groups.flatMap(\.entries) {
            #expect(!entry.declaration.meaning.isEmpty && !entry.declaration.takes.isEmpty, "\(entry.key)")
            #expect(entry.declaration.meaning.first?.isUppercase == false, "\(entry.key)")
        }
    }
}
