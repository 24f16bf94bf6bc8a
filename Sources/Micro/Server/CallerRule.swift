public import MicroCore

/// Who may call an endpoint that tells of a service's inside.
///
/// Callers on the same machine may, by whichever of its addresses, and those that prove by a certificate to
/// be somebody whom the configuration names.
public struct CallerRule: Sendable {
    private enum Choice: String, CaseIterable, Sendable { case on, open, off }

    /// The settings of a rule.
    private struct Keys {
        let choice: Setting<Choice>
        let callers: Setting<[String]>

        init(_ name: String, _ meaning: String) {
            choice = Setting(name, .choice(), default: .on, scope: .shared, meaning)
            callers = Setting(
                "\(name).callers", .list("names with commas"), default: [], scope: .shared,
                "DNS names or URIs of certificates: who may call that from elsewhere")
        }
    }

    private let choice: Choice
    private let callers: Set<String>
    private let advice: String

    /// Returns what operators may set, which the plugin that has the endpoints declares.
    ///
    /// - Parameters:
    ///   - name: The name of what has the endpoints.
    ///   - meaning: What is switched, in one line.
    /// - Returns: The declarations.
    public static func settings(_ name: String, _ meaning: String) -> [SettingDeclaration] {
        let keys = Keys(name, meaning)
        return [keys.choice.declaration, keys.callers.declaration]
    }

    /// Reads a rule from the configuration.
    ///
    /// - Parameters:
    ///   - name: The name of what has the endpoints: the key, and with `MICRO_` in front the variable.
    ///   - context: The configuration.
    /// - Throws: A ``StartError`` if the value is none of the choices.
    public init(_ name: String, _ context: PluginContext) throws(StartError) {
        let keys = Keys(name, "")
        choice = try context.settings[keys.choice]
        callers = Set(try context.settings[keys.callers])
        let variable = context.settings.name(keys.choice)
        advice = "\(variable)=open lets everybody call it, and \(variable)_CALLERS those whom it names."
    }

    /// Whether nobody may call, so that the endpoints need not be there.
    public var isOff: Bool { choice == .off }

    /// Checks that the caller of a call may make it.
    ///
    /// - Parameter context: The call.
    /// - Throws: A ``MicroError`` with the status `permissionDenied` that says how to allow it.
    public func check(_ context: RequestContext) throws(MicroError) {
        if choice == .open { return }
        guard let peer = context.peer, peer.isLocal || !callers.isDisjoint(with: peer.identities) else {
            throw MicroError(
                .permissionDenied, "\(context.endpoint) answers callers on the same machine only. \(advice)")
        }
    }
}
