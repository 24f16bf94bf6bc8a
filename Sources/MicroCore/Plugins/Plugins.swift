/// A catalogue of plugins, from which a service picks.
///
/// ```swift
/// MicroService("greeter") { … }                                           // everything that is linked
/// MicroService("greeter", plugins: [.etcdRegistry, .mdnsRegistry]) { … }   // these
/// ```
public struct Plugins: Sendable {
    /// The plugins, in the order in which they were given or found.
    public private(set) var all: [Plugin]

    /// Creates a catalogue.
    ///
    /// - Parameter plugins: The plugins.
    public init(_ plugins: [Plugin]) { all = plugins }

    /// The plugins that the program links.
    ///
    /// A plugin is linked by naming its product in the manifest; nobody needs to import it. Not
    /// found are plugins in a library of `type: .dynamic`: list those by hand.
    public static var linked: Plugins { Plugins(PluginSection.records.map { $0() }) }

    /// Returns a catalogue with more plugins.
    ///
    /// - Parameter plugins: The plugins to add.
    /// - Returns: The catalogue.
    public func adding(_ plugins: [Plugin]) -> Plugins { Plugins(all + plugins) }

    /// Returns the plugins of a role, the preferred ones first.
    ///
    /// - Parameter role: The name of the role.
    /// - Returns: The plugins.
    public func plugins(of role: String) -> [Plugin] {
        all.filter { $0.role == role }
            .enumerated()
            .sorted { ($0.element.preference, $0.offset) < ($1.element.preference, $1.offset) }
            .map(\.element)
    }

    /// Returns the plugin that is taken when nobody chooses.
    ///
    /// - Parameter role: The name of the role.
    /// - Returns: The first preferred one that is linked, else the only one.
    public func defaultPlugin(of role: String) -> Plugin? { plugins(of: role).first }

    /// Returns the plugin that is chosen by a variable, or the default.
    ///
    /// - Parameters:
    ///   - role: The role.
    ///   - name: The value of the variable; `nil` if it isn't set.
    /// - Returns: The plugin.
    /// - Throws: A ``StartError`` if there is no plugin of that name, or none at all.
    public func choose<Interface>(
        _ role: PluginRole<Interface>, name: String?
    ) throws(StartError) -> Plugin {
        try checkUnique()
        let candidates = plugins(of: role.name)
        guard let name, !name.isEmpty else {
            if let plugin = candidates.first { return plugin }
            throw StartError(
                .unknownPlugin,
                "No \(role.name) is linked. Add the product of one to the target's dependencies in "
                    + "Package.swift"
                    + (KnownProducts.example(role: role.name, preferred: role.preferred).map {
                        ", for example \($0)."
                    } ?? "."))
        }
        if let plugin = candidates.first(where: { $0.name == name || $0.aliases.contains(name) }) {
            return plugin
        }
        let linked = candidates.isEmpty ? "none" : candidates.map(\.name).sorted().joined(separator: ", ")
        let advice =
            KnownProducts.product(role: role.name, name: name).map {
                "To use it, add the product \"\($0)\" of the package swift-micro to the target's dependencies "
                    + "in Package.swift."
            }
            ?? "Check the spelling, or add the product that has it to the target's dependencies in "
            + "Package.swift."
        throw StartError(
            .unknownPlugin,
            "MICRO_\(role.name.uppercased()) is \"\(name)\", but no such \(role.name) is linked. "
                + "Linked: \(linked). \(advice)")
    }

    /// Checks that no two plugins of one role share a name.
    ///
    /// - Throws: A ``StartError`` that names both modules.
    public func checkUnique() throws(StartError) {
        var seen: [String: Plugin] = [:]
        for plugin in all {
            for name in [plugin.name] + plugin.aliases {
                if let other = seen.updateValue(plugin, forKey: "\(plugin.role)/\(name)") {
                    throw StartError(
                        .duplicatePlugin,
                        "Two plugins are a \(plugin.role) named \"\(name)\": one in \(other.module) and one in "
                            + "\(plugin.module). Link only one of them.")
                }
            }
        }
    }
}

extension Plugins: ExpressibleByArrayLiteral {
    /// Creates a catalogue of the plugins in a literal.
    public init(arrayLiteral plugins: Plugin...) { self.init(plugins) }
}
