internal import MicroCore

/// What `micro plugins` prints.
enum PluginTable {
    /// Returns a table of plugins, sorted by role, the preferred ones of a role first.
    static func text(of plugins: Plugins) -> String {
        let header = ["ROLE", "NAME", "ALIASES", "MODULE", "DEFAULT", "SUMMARY"]
        let roles = Set(plugins.all.map(\.role)).sorted()
        let rows = roles.flatMap { role in
            plugins.plugins(of: role).enumerated().map { position, plugin in
                [
                    plugin.role, plugin.name, plugin.aliases.joined(separator: ","), plugin.module,
                    position == 0 ? "*" : "", plugin.summary,
                ]
            }
        }
        return TextTable.aligned([header] + rows)
    }

    /// Returns the plugins for programs, in the same order.
    static func json(of plugins: Plugins) -> JSONValue {
        let roles = Set(plugins.all.map(\.role)).sorted()
        return .list(
            roles.flatMap { role in
                plugins.plugins(of: role).enumerated().map { position, plugin in
                    .object([
                        ("role", .string(plugin.role)), ("name", .string(plugin.name)),
                        ("aliases", .list(plugin.aliases.map { .string($0) })),
                        ("module", .string(plugin.module)), ("default", .flag(position == 0)),
                        ("summary", .string(plugin.summary)),
                    ])
                }
            })
    }
}
