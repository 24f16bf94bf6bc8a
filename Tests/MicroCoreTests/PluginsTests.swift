import MicroCore
import Testing

/// A role that only this file knows.
protocol Probe: Sendable { var text: String { get } }

struct FixedProbe: Probe { let text: String }

extension PluginRole where Interface == any Probe {
    static var probe: Self { PluginRole("probe", preferring: ["first", "linked"]) }
}

extension Plugin {
    static var linkedProbe: Self {
        Plugin(.probe, "linked", aliases: ["joined"], settings: [text.declaration], summary: "a probe") {
            context in
            FixedProbe(text: try context.settings[text])
        }
    }

    private static let text = Setting("text", .text, default: "none", "what it says")
}

@section("micro_plugins") @used
private let record: PluginRecord = { .linkedProbe }

@Suite(.timeLimit(.minutes(2))) struct PluginsTests {
    private func plugin(_ name: String, aliases: [String] = []) -> Plugin {
        Plugin(.probe, name, aliases: aliases, summary: "") { _ in FixedProbe(text: name) }
    }

    private var context: PluginContext {
        PluginContext(
            settings: Settings(variables: ["MICRO_PROBE_TEXT": "scoped", "MICRO_X": "shared"]),
            role: "probe", service: ServiceIdentity(name: "s", version: "1", nodeID: "s-1"))
    }

    @Test func linkedPluginsAreFoundInTheirSection() throws {
        let found = Plugins.linked.plugins(of: "probe")
        #expect(found.map(\.name) == ["linked"])
        #expect(found.first?.module == "MicroCoreTests")
        let plugin = try Plugins.linked.choose(PluginRole<any Probe>.probe, name: nil)
        #expect(try plugin.make(as: .probe, context: context).text == "scoped")
    }

    @Test func aNameOrAnAliasChooses() throws {
        let plugins: Plugins = [plugin("zeta", aliases: ["z"]), plugin("first")]
        #expect(try plugins.choose(PluginRole<any Probe>.probe, name: "zeta").name == "zeta")
        #expect(try plugins.choose(PluginRole<any Probe>.probe, name: "z").name == "zeta")
        #expect(try plugins.choose(PluginRole<any Probe>.probe, name: nil).name == "first")
        #expect(try plugins.choose(PluginRole<any Probe>.probe, name: "").name == "first")
        #expect(plugins.defaultPlugin(of: "probe")?.name == "first")
        #expect(plugins.plugins(of: "probe").map(\.name) == ["first", "zeta"])
        #expect(plugins.plugins(of: "other").isEmpty)
    }

    @Test func anUnknownNameIsAnswered() {
        let plugins: Plugins = [plugin("b"), plugin("a")]
        let error = #expect(throws: StartError.self) {
            try plugins.choose(PluginRole<any Probe>.probe, name: "consul")
        }
        #expect(error?.code == .unknownPlugin)
        for part in ["MICRO_PROBE", "\"consul\"", "a, b"] { #expect(error?.message.contains(part) == true) }
    }

    @Test func theProductToAddIsNamed() {
        let error = #expect(throws: StartError.self) {
            try Plugins([]).choose(PluginRole<any Registry>.registry, name: "mdns")
        }
        #expect(error?.message.contains("MicroRegistryMDNS") == true)
        #expect(error?.message.contains("Linked: none") == true)
        let none = #expect(throws: StartError.self) {
            try Plugins([]).choose(PluginRole<any Registry>.registry, name: nil)
        }
        #expect(none?.message.contains("MicroRegistryMDNS") == true)
    }

    @Test func twoOfOneNameAreAnError() {
        for plugins: Plugins in [
            [plugin("a"), plugin("a")], [plugin("a"), plugin("b", aliases: ["a"])],
            [plugin("a", aliases: ["c"]), plugin("b", aliases: ["c"])],
        ] {
            let error = #expect(throws: StartError.self) {
                try plugins.choose(PluginRole<any Probe>.probe, name: "a")
            }
            #expect(error?.code == .duplicatePlugin)
            #expect(error?.message.contains("MicroCoreTests") == true)
        }
    }

    @Test func rolesOfOneNameAreToldApartByTheirType() {
        let impostor = PluginRole<any Registry>("probe")
        let error = #expect(throws: StartError.self) { try plugin("a").make(as: impostor, context: context) }
        #expect(error?.code == .invalidConfiguration)
    }

    @Test func aContextLeadsToOtherPartsAndToTheConfiguration() throws {
        #expect(try context.settings[Setting("x", .text, scope: .shared, "")] == "shared")
        #expect(try context.settings[Setting("x", .text, "")] == nil)
        #expect(throws: StartError.self) { try context.part(PluginRole<any Probe>.probe) }
        let resolving = PluginContext(
            settings: Settings(variables: [:]), role: "x", service: context.service
        ) { role in role == "probe" ? FixedProbe(text: "found") : nil }
        #expect(try resolving.part(PluginRole<any Probe>.probe).text == "found")
    }
}
