/// What operators have set, checked: a value that can't be used is a ``StartError`` that names the variable, flag or
/// file which has it.
///
/// A plugin has it from ``PluginContext/settings``. An empty value counts as none. It can be used from any thread.
public struct Settings: Sendable {
    /// What somebody has set.
    public struct Given: Hashable, Sendable {
        /// What was written.
        public let text: String

        /// What the person who set it calls it: `MICRO_REGISTRY_ADDRESS`, `--registry_address`.
        public let origin: String

        /// Creates a value.
        ///
        /// - Parameters:
        ///   - text: What was written.
        ///   - origin: What the person who set it calls it.
        public init(_ text: String, origin: String) {
            self.text = text
            self.origin = origin
        }

        /// Returns the error for a value that can't be used.
        ///
        /// - Parameter takes: What it takes, such as `a host and a port`.
        /// - Returns: The error, with the origin and the value, which is shown without user and password.
        public func invalid(_ takes: String) -> StartError {
            StartError(
                .invalidConfiguration, "\(origin) is \"\(text.printableAddress())\"; it takes \(takes).")
        }
    }

    private let lookup: @Sendable (_ key: String) -> Given?

    /// What keys of the scope ``SettingScope/role`` begin with, the first first.
    private let prefixes: [String]

    /// What may be read; `nil` for everything.
    private let declared: Set<Key>?

    private struct Key: Hashable {
        let scope: SettingScope
        let key: String

        init(_ declaration: SettingDeclaration) {
            scope = declaration.scope
            key = declaration.key
        }
    }

    /// Creates settings.
    ///
    /// - Parameter lookup: Returns the value of a whole key, such as `registry.address`.
    public init(_ lookup: @escaping @Sendable (_ key: String) -> Given?) {
        self.lookup = lookup
        prefixes = []
        declared = nil
    }

    /// Creates settings of variables.
    ///
    /// - Parameter variables: The values by their variables, such as `MICRO_REGISTRY_ADDRESS`.
    public init(variables: [String: String]) {
        self.init { key in
            let variable = Self.variable(of: key)
            return variables[variable].map { Given($0, origin: variable) }
        }
    }

    private init(lookup: @escaping @Sendable (String) -> Given?, prefixes: [String], declared: Set<Key>?) {
        self.lookup = lookup
        self.prefixes = prefixes
        self.declared = declared
    }

    /// Returns the settings as a part of a role sees them.
    ///
    /// - Parameters:
    ///   - role: The name of the role.
    ///   - member: The name of the plugin, where all plugins of the role are used.
    ///   - declared: What the part has declared, beyond which it can read nothing; `nil` for everything.
    /// - Returns: The settings.
    public func scoped(
        to role: String, member: String? = nil, declared: [SettingDeclaration]? = nil
    ) -> Settings {
        Settings(
            lookup: lookup, prefixes: (member.map { ["\(role).\($0)."] } ?? []) + ["\(role)."],
            declared: declared.map { Set($0.map(Key.init)) })
    }

    /// Returns the variable of a whole key: `MICRO_REGISTRY_ADDRESS` of `registry.address`.
    package static func variable(of key: String) -> String {
        "MICRO_" + String(key.uppercased().map { $0.isLetter || $0.isNumber ? $0 : "_" })
    }

    /// The value of a setting, its default if nobody has set it.
    ///
    /// - Parameter setting: The setting.
    /// - Throws: A ``StartError`` if what is set is nothing that the setting takes.
    public subscript<Value>(_ setting: Setting<Value>) -> Value {
        get throws(StartError) { try given(setting) ?? setting.defaultValue }
    }

    /// Returns what somebody has set.
    ///
    /// - Parameter setting: The setting.
    /// - Returns: The value; `nil` if nobody has set it.
    /// - Throws: A ``StartError`` if it is nothing that the setting takes.
    public func given<Value>(_ setting: Setting<Value>) throws(StartError) -> Value? {
        guard let given = try text(setting.declaration) else { return nil }
        guard let value = setting.value(of: given.text) else {
            throw given.invalid(setting.declaration.takes)
        }
        return value
    }

    /// Returns what somebody has written.
    ///
    /// - Parameter declaration: The setting.
    /// - Returns: The text; `nil` if nobody has set it.
    /// - Throws: A ``StartError`` if the part has not declared it.
    public func text(_ declaration: SettingDeclaration) throws(StartError) -> Given? {
        if let declared, !declared.contains(Key(declaration)) {
            throw StartError(
                .invalidConfiguration,
                "A plugin reads \(name(declaration)), which it has not declared. Add it to the plugin's settings."
            )
        }
        return keys(of: declaration).lazy.compactMap(text(ofKey:)).first
    }

    /// Returns what somebody has written for a whole key, such as `registry`.
    package func text(ofKey key: String) -> Given? {
        lookup(key).flatMap { $0.text.isEmpty ? nil : $0 }
    }

    /// Returns the variable of a setting, for messages.
    ///
    /// - Parameter declaration: The setting.
    /// - Returns: The variable, such as `MICRO_REGISTRY_ADDRESS`.
    public func name(_ declaration: SettingDeclaration) -> String {
        Self.variable(of: keys(of: declaration).last ?? declaration.key)
    }

    /// Returns the variable of a setting, for messages.
    ///
    /// - Parameter setting: The setting.
    /// - Returns: The variable, such as `MICRO_REGISTRY_ADDRESS`.
    public func name<Value>(_ setting: Setting<Value>) -> String { name(setting.declaration) }

    /// Returns the error for a value that a setting takes and its reader can't use.
    ///
    /// - Parameters:
    ///   - setting: The setting.
    ///   - takes: What it takes, such as `a host and a port`.
    /// - Returns: The error, with the origin and the value, which is shown without user and password.
    public func invalid<Value>(_ setting: Setting<Value>, _ takes: String) -> StartError {
        // What can't be read has no value to complain of; then its name must do.
        let given = (try? text(setting.declaration)) ?? Given("", origin: name(setting))
        return given.invalid(takes)
    }

    /// The whole keys of a setting, that of one plugin first.
    private func keys(of declaration: SettingDeclaration) -> [String] {
        switch declaration.scope {
        case .shared: [declaration.key]
        case .role: prefixes.isEmpty ? [declaration.key] : prefixes.map { $0 + declaration.key }
        }
    }
}
