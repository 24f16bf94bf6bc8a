/// A replaceable part: a role, a name, and how to make it.
///
/// A plugin's module defines it as a static property, whose name carries the role, and leaves a
/// record of it where ``Plugins/linked`` finds it:
///
/// ```swift
/// extension Plugin {
///     /// The etcd registry, chosen with `MICRO_REGISTRY=etcd`.
///     public static var etcdRegistry: Self {
///         Plugin(.registry, "etcd", settings: EtcdRegistry.settings, summary: "etcd v3") { _ in
///             EtcdRegistry()
///         }
///     }
/// }
///
/// @section("micro_plugins") @used
/// private let record: PluginRecord = { .etcdRegistry }
/// ```
///
/// Making a plugin starts nothing; only a service that chose it does.
public struct Plugin: Sendable {
    /// The name of the role.
    public let role: String

    /// Whether all linked plugins of the role are used.
    public let roleIsSet: Bool

    /// What the role is for, see ``PluginRole/meaning``.
    public let roleMeaning: String

    /// The name by which it is chosen, in lower case.
    public let name: String

    /// Other names by which it can be chosen.
    public let aliases: [String]

    /// What it is, in a few words.
    public let summary: String

    /// What it offers where a role is a set, by which it is found before it is made: a transport declares
    /// ``NodeProtocol/declaration``.
    ///
    /// A plugin of a set that declares nothing is made at the start.
    public let provides: [String]

    /// What operators may set of it.
    public let settings: [SettingDeclaration]

    /// The module that defines it, which is also the product to link.
    public let module: String

    private let preferred: [String]
    private let factory: @Sendable (PluginContext) throws -> any Sendable

    /// Creates a plugin.
    ///
    /// - Parameters:
    ///   - role: What it stands for.
    ///   - name: The name by which it is chosen, in lower case.
    ///   - aliases: Other names by which it can be chosen.
    ///   - provides: What it offers where the role is a set, see ``provides``.
    ///   - settings: What operators may set of it; it can read nothing else.
    ///   - summary: What it is, in a few words.
    ///   - fileID: The file that defines it, which begins with the module's name.
    ///   - make: Makes it; throws a ``StartError`` if the configuration can't be used.
    public init<Interface>(
        _ role: PluginRole<Interface>, _ name: String, aliases: [String] = [],
        provides: [String] = [], settings: [SettingDeclaration] = [], summary: String = "",
        fileID: String = #fileID, make: @escaping @Sendable (PluginContext) throws -> Interface
    ) where Interface: Sendable {
        self.role = role.name
        self.roleIsSet = role.isSet
        self.name = name
        self.aliases = aliases
        self.provides = provides
        self.settings = settings
        self.roleMeaning = role.meaning
        self.summary = summary
        self.module = String(fileID.prefix { $0 != "/" })
        self.preferred = role.preferred
        self.factory = make
    }

    /// The position among the role's preferred plugins; behind them all if it isn't one.
    var preference: Int { preferred.firstIndex(of: name) ?? preferred.count }

    /// Makes the plugin.
    ///
    /// - Parameters:
    ///   - role: The role, which gives the type.
    ///   - context: The service's configuration and identity.
    /// - Returns: The part.
    /// - Throws: A ``StartError`` if the configuration can't be used, or the plugin belongs to a
    ///   role of that name with another interface.
    public func make<Interface>(
        as role: PluginRole<Interface>, context: PluginContext
    ) throws -> Interface {
        guard let part = try factory(context) as? Interface else {
            throw StartError(
                .invalidConfiguration,
                "The plugin \"\(name)\" of \(module) is not a \(role.name) of the type \(Interface.self): "
                    + "two modules define a role \"\(role.name)\".")
        }
        return part
    }
}

/// What a plugin's module leaves in the linker section `micro_plugins`.
public typealias PluginRecord = @Sendable () -> Plugin
