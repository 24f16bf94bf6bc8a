/// What a plugin stands for: a registry, a transport, or anything that a module defines.
///
/// A role is typed by the interface that its plugins make. Anybody may add one; nothing in the core
/// enumerates them. Its name is also the name of the variable that chooses: the role `registry` is
/// chosen with `MICRO_REGISTRY` and configured with `MICRO_REGISTRY_…`.
///
/// ```swift
/// extension PluginRole where Interface == any Store {
///     static var store: Self { PluginRole("store", preferring: ["memory"]) }
/// }
/// ```
public struct PluginRole<Interface>: Sendable {
    /// The name, in lower case.
    public let name: String

    /// Whether all linked plugins of the role are used, and not one that is chosen.
    public let isSet: Bool

    /// The names of the plugins that are taken by default, the first linked one.
    public let preferred: [String]

    /// What it is for, in one line that begins with a small letter: `how services find each other`.
    public let meaning: String

    /// Creates a role of which one plugin is chosen.
    ///
    /// - Parameters:
    ///   - name: The name, in lower case.
    ///   - preferred: The names of the plugins that are taken by default.
    ///   - meaning: What it is for, in one line that begins with a small letter.
    public init(_ name: String, preferring preferred: [String] = [], meaning: String = "") {
        self.init(name: name, isSet: false, preferred: preferred, meaning: meaning)
    }

    /// Creates a role of which all linked plugins are used.
    ///
    /// - Parameters:
    ///   - name: The name, in lower case.
    ///   - preferred: The names of the plugins that come first where the order matters.
    ///   - meaning: What it is for, in one line that begins with a small letter.
    /// - Returns: The role.
    public static func set(_ name: String, preferring preferred: [String] = [], meaning: String = "") -> Self
    {
        Self(name: name, isSet: true, preferred: preferred, meaning: meaning)
    }

    private init(name: String, isSet: Bool, preferred: [String], meaning: String) {
        self.name = name
        self.meaning = meaning
        self.isSet = isSet
        self.preferred = preferred
    }
}
