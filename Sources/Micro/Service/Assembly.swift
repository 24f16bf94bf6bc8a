internal import Configuration
import MicroCore
internal import Synchronization

/// Makes the parts of a service or client, each once, when they are first asked for.
final class Assembly: Sendable {
    let settings: Settings
    let identity: ServiceIdentity
    private let plugins: Plugins
    private let given: [String: any Sendable]
    private let made = Mutex<[String: any Sendable]>([:])

    /// Creates an assembly.
    ///
    /// - Parameters:
    ///   - plugins: The catalogue.
    ///   - given: The parts that were given in code, by their roles' names.
    ///   - settings: The configuration.
    ///   - identity: The service.
    init(plugins: Plugins, given: [String: any Sendable], settings: Settings, identity: ServiceIdentity) {
        self.plugins = plugins
        self.given = given
        self.settings = settings
        self.identity = identity
    }

    /// Checks that every plugin that the configuration chooses is there, also where its part is made only once it is
    /// used: a spelling mistake must end the start, not a call later on.
    ///
    /// Roles of which all plugins are used have no choice: `MICRO_TRANSPORT` means something else to go-micro.
    func checkChoices() throws(StartError) {
        let roles = Set(plugins.all.map(\.role)).union(["registry", "broker", "selector"])
        for role in roles.subtracting(["transport", "codec", "component"]).sorted() where given[role] == nil {
            guard let choice = settings.value(role) else { continue }
            _ = try plugins.choose(PluginRole<any Sendable>(role), name: choice.text)
        }
    }

    /// Returns the part of a role of which one is chosen.
    func part<Interface>(_ role: PluginRole<Interface>) throws(StartError) -> Interface {
        guard let part = try resolve(role.name, path: []) as? Interface else {
            throw StartError(
                .invalidConfiguration,
                "The \(role.name) is not of the type \(Interface.self). Remove the plugin that defines another."
            )
        }
        return part
    }

    /// Makes all parts of a role of which all are used; those that were given in code come first.
    func parts<Interface>(_ role: PluginRole<Interface>) throws(StartError) -> [Interface] {
        try plugins.checkUnique()
        var parts = given[role.name] as? [Interface] ?? []
        do {
            for part in parts { try prepare(part, role.name, path: []) }
            for plugin in plugins.plugins(of: role.name) {
                let part = try plugin.make(as: role, context: context(role.name, path: []))
                try prepare(part, role.name, path: [])
                parts.append(part)
            }
        } catch {
            throw Self.startError(error, role: role.name)
        }
        return parts
    }

    private func resolve(_ role: String, path: [String]) throws(StartError) -> any Sendable {
        if path.contains(role) {
            throw StartError(
                .duplicatePlugin,
                "Parts need each other in a circle: \((path + [role]).joined(separator: " → ")). Choose another "
                    + "plugin for one of them.")
        }
        if let part = made.withLock({ $0[role] }) { return part }
        do {
            let part = try make(role, path: path)
            try prepare(part, role, path: path)
            return made.withLock { made in
                if let first = made[role] { return first }
                made[role] = part
                return part
            }
        } catch {
            throw Self.startError(error, role: role)
        }
    }

    private func make(_ role: String, path: [String]) throws -> any Sendable {
        if let part = given[role] { return part }
        let any = PluginRole<any Sendable>(role)
        let choice = settings.value(role)
        let plugin = try plugins.choose(any, name: choice?.text)
        return try plugin.make(as: any, context: context(role, path: path))
    }

    private func prepare(_ part: Any, _ role: String, path: [String]) throws {
        let context = context(role, path: path)
        switch part {
        case let registry as any Registry: try registry.prepare(context)
        case let transport as any Transport: try transport.prepare(context)
        case let broker as any Broker: try broker.prepare(context)
        default: break
        }
    }

    private func context(_ role: String, path: [String]) -> PluginContext {
        PluginContext(root: settings.reader, role: role, service: identity) { [self] other in
            try resolve(other, path: path + [role])
        }
    }

    /// A plugin may throw anything; anyone who starts the service gets one kind of error.
    private static func startError(_ error: any Error, role: String) -> StartError {
        if let error = error as? StartError { return error }
        return StartError(.invalidConfiguration, "The \(role) can't be made: \(error)")
    }
}
