internal import MicroCore

/// An option that chooses a plugin.
enum PluginOption {
    /// Checks that a plugin is there, so that a wrong option is wrong usage and no failure of the configuration.
    ///
    /// - Parameters:
    ///   - role: The role of the plugin.
    ///   - name: The option's value.
    ///   - option: The option.
    /// - Throws: A failure that says what could be chosen.
    static func check<Interface>(
        _ role: PluginRole<Interface>, _ name: String?, option: String
    ) throws(CommandFailure) {
        guard let name else { return }
        let plugins = Plugins.linked.plugins(of: role.name)
        let names = plugins.flatMap { [$0.name] + $0.aliases }
        guard !names.contains(name) else { return }
        throw CommandFailure(
            "\(option) is \"\(name.printable())\", but no such \(role.name) is linked. "
                + "Linked: \(plugins.map(\.name).sorted().joined(separator: ", "))."
                + Suggestion.question(name, among: names), .usage)
    }
}
