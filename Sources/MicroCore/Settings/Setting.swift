/// A value that operators may set: its key, what it takes, its default, and what it means, declared once.
///
/// ```swift
/// extension MemoryStore {
///     static let capacity = Setting("capacity", .number(in: 1...1_000_000), default: 1000, "how many records it keeps")
///     static let password = Setting("password", .text, isSecret: true, "what the records are encrypted with")
///     public static let settings = [capacity.declaration, password.declaration]
/// }
/// ```
///
/// A plugin that lists its declarations (``Plugin/settings``) has a variable (`MICRO_STORE_CAPACITY`), a flag
/// (`--store_capacity`), a key of the configuration file, its row in `--help` and `micro settings`, and errors that
/// name whichever of them was used. It reads the value from ``PluginContext/settings``:
///
/// ```swift
/// let capacity = try context.settings[MemoryStore.capacity]
/// ```
public struct Setting<Value: Sendable>: Sendable {
    /// What is known of it beside the type.
    public let declaration: SettingDeclaration

    /// What it is where nobody has set it.
    public let defaultValue: Value

    private let parse: @Sendable (String) -> Value?

    /// Declares a value that is there also where nobody has set it.
    ///
    /// - Parameters:
    ///   - key: The key in small letters, with points where the variable has underscores: `max.event.size`.
    ///   - kind: What it takes.
    ///   - defaultValue: What it is where nobody has set it.
    ///   - scope: Where the key belongs.
    ///   - isSecret: Whether it must not be shown.
    ///   - meaning: What it does, in one line that begins with a small letter.
    public init(
        _ key: String, _ kind: SettingKind<Value>, default defaultValue: Value, scope: SettingScope = .role,
        isSecret: Bool = false, _ meaning: String
    ) {
        self.init(
            key, kind, defaultValue: defaultValue, shown: kind.write(defaultValue), scope: scope,
            isSecret: isSecret, meaning)
    }

    /// Declares a value that is `nil` where nobody has set it.
    ///
    /// - Parameters:
    ///   - key: The key in small letters, with points where the variable has underscores: `max.event.size`.
    ///   - kind: What it takes.
    ///   - without: What holds where nobody has set it, as it is shown: `the service's name`.
    ///   - scope: Where the key belongs.
    ///   - isSecret: Whether it must not be shown.
    ///   - meaning: What it does, in one line that begins with a small letter.
    public init<Wrapped>(
        _ key: String, _ kind: SettingKind<Wrapped>, without: String? = nil, scope: SettingScope = .role,
        isSecret: Bool = false, _ meaning: String
    ) where Value == Wrapped? {
        self.init(
            key,
            SettingKind(kind.takes, isSwitch: kind.isSwitch, write: { $0.map(kind.write) ?? "" }) { text in
                // What can't be read is nothing, and not a value that is `nil`.
                kind.parse(text).map { .some($0) }
            },
            defaultValue: nil, shown: without, scope: scope, isSecret: isSecret, meaning)
    }

    private init(
        _ key: String, _ kind: SettingKind<Value>, defaultValue: Value, shown: String?, scope: SettingScope,
        isSecret: Bool, _ meaning: String
    ) {
        declaration = SettingDeclaration(
            key: key, scope: scope, takes: kind.takes, isSwitch: kind.isSwitch,
            defaultText: shown.flatMap { $0.isEmpty ? nil : $0 },
            isSecret: isSecret, meaning: meaning)
        self.defaultValue = defaultValue
        parse = kind.parse
    }

    /// Reads what somebody wrote.
    ///
    /// - Returns: The value; `nil` if it is none that the setting takes.
    package func value(of text: String) -> Value? { parse(text) }
}

/// Where the key of a setting belongs.
public enum SettingScope: Hashable, Sendable {
    /// To the role of the plugin that declares it: the key `address` of a registry is `MICRO_REGISTRY_ADDRESS`.
    ///
    /// Where all plugins of a role are used, each may be set by itself: the key `address` of the transport `nats` is
    /// `MICRO_TRANSPORT_NATS_ADDRESS`, or else `MICRO_TRANSPORT_ADDRESS`.
    case role

    /// To nobody in particular: the key `tls.ca` is `MICRO_TLS_CA`.
    case shared
}

/// A ``Setting`` without its type: what help, documents and checks need.
public struct SettingDeclaration: Hashable, Sendable {
    /// The key within its scope, such as `max.event.size`.
    public let key: String

    /// Where the key belongs.
    public let scope: SettingScope

    /// What it takes, such as `1ms to 24h`.
    public let takes: String

    /// Whether its flag may stand without a value, which is then `true`.
    public let isSwitch: Bool

    /// What holds where nobody has set it; `nil` for nothing.
    public let defaultText: String?

    /// Whether it must not be shown.
    public let isSecret: Bool

    /// What it does.
    public let meaning: String
}
