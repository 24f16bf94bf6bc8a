package import MicroCore

/// Everything that may be set: by the engine's own settings, and by those that plugins and parts declare.
package struct SettingCatalogue: Sendable {
    /// One setting at one key.
    package struct Entry: Sendable {
        /// The whole key, such as `registry.address`.
        package let key: String

        /// The setting.
        package let declaration: SettingDeclaration

        /// The variable that sets it.
        package var variable: String { Settings.variable(of: key) }

        /// The flag that sets it, without the dashes.
        package var flag: String { Self.flag(of: key) }

        static func flag(of key: String) -> String { key.replacing(".", with: "_").replacing("-", with: "_") }
    }

    /// What belongs together.
    package struct Group: Sendable {
        /// Its name: `service`, or role and name of a plugin, such as `registry etcd`.
        package let name: String

        /// The role of the plugin; `nil` for the engine's own.
        package let role: String?

        /// The name of the plugin, where all of its role are used and each may be set by itself.
        package let member: String?

        /// Its settings, in the order in which they were declared.
        package let entries: [Entry]
    }

    /// The groups, those of the engine first.
    package let groups: [Group]

    /// The names of the roles.
    let roles: Set<String>

    /// The settings by their keys; of several plugins one of those that have it.
    let byKey: [String: SettingDeclaration]

    /// Collects all settings.
    ///
    /// - Parameters:
    ///   - plugins: The plugins, the engine's selectors among them.
    ///   - overrides: The parts that were given in code.
    init(_ plugins: Plugins, overrides: PartOverrides) {
        var builder = Builder()
        builder.add("service", ServiceSettings.declarations)
        builder.add("overload", OverloadSettings.declarations)
        builder.add("client", ClientSettings.declarations)
        builder.add("selection", SelectionSettings.declarations + OutlierSettings.declarations)
        builder.add("plugins", Self.choices(plugins))
        builder.add("tls", TLSConfiguration.sharedSettings)
        builder.add("log", ProgramLog.declarations + CallLogSettings.declarations)
        builder.add("file", [ConfigurationFile.path.declaration])
        for plugin in plugins.all.sorted(by: { ($0.role, $0.name) < ($1.role, $1.name) }) {
            builder.add(
                "\(plugin.role) \(plugin.name)", plugin.settings + Self.listeners(plugin), role: plugin.role,
                member: plugin.roleIsSet ? plugin.name : nil)
        }
        for (role, part) in overrides.all {
            builder.add("\(role) in code", type(of: part).settings, role: role)
        }
        builder.add("listeners in code", Self.listeners(overrides))
        groups = builder.groups
        byKey = builder.byKey
        // The engine's own are there also where no plugin is linked.
        roles = Set(plugins.all.map(\.role)).union(["registry", "transport", "broker", "selector", "codec"])
    }

    /// What may be set of a listener, if the plugin is a transport.
    private static func listeners(_ plugin: Plugin) -> [SettingDeclaration] {
        guard plugin.role == PluginRole.transport.name else { return [] }
        return plugin.provides.compactMap(NodeProtocol.init(declaration:))
            .flatMap { ListenerSettings($0.transport).declarations }
    }

    /// What may be set of listeners on the transports that were given in code.
    private static func listeners(_ overrides: PartOverrides) -> [SettingDeclaration] {
        let transports = overrides.parts(of: PluginRole.transport.name).compactMap { $0 as? any Transport }
        return ListenerSettings.names(transports.map(\.nodeProtocol.transport))
            .flatMap { ListenerSettings($0).declarations }
    }

    /// The variables that choose a plugin.
    private static func choices(_ plugins: Plugins) -> [SettingDeclaration] {
        var roles: [String: Plugin] = [:]
        for plugin in plugins.all where !plugin.roleIsSet {
            roles[plugin.role] = plugins.defaultPlugin(of: plugin.role)
        }
        let engine = ["registry", "broker", "selector"]
        let chosen = Set(roles.keys).union(engine)
        let order = engine + chosen.subtracting(engine).sorted()
        return order.map { role in
            let names = plugins.plugins(of: role).map(\.name).sorted().joined(separator: ", ")
            return Setting<String?>(
                role, .text(names.isEmpty ? "the name of a plugin; none is linked" : names),
                without: roles[role]?.name,
                scope: .shared,
                roles[role].map(\.roleMeaning).flatMap { $0.isEmpty ? nil : $0 } ?? "which \(role) is used"
            ).declaration
        } + TransportTable.declarations
    }

    private struct Builder {
        var groups: [Group] = []
        var byKey: [String: SettingDeclaration] = [:]
        private var shared: Set<String> = []

        mutating func add(
            _ name: String, _ declarations: [SettingDeclaration], role: String? = nil, member: String? = nil
        ) {
            var entries: [Entry] = []
            for declaration in declarations {
                let prefix = declaration.scope == .role ? role.map { "\($0)." } ?? "" : ""
                let key = prefix + declaration.key
                if let member, !prefix.isEmpty {
                    byKey["\(prefix)\(member).\(declaration.key)"] = declaration
                }
                byKey[key] = declaration
                // What several share is named where it comes first.
                guard declaration.scope == .role || shared.insert(key).inserted else { continue }
                entries.append(Entry(key: key, declaration: declaration))
            }
            if !entries.isEmpty {
                groups.append(Group(name: name, role: role, member: member, entries: entries))
            }
        }
    }
}
