import MicroCore

/// The parts that were given in code, and the roles that a service says it uses.
struct PartOverrides: Sendable {
    /// By the names of their roles; a role of which one part is chosen has one at most.
    private var parts: [String: [any Sendable]] = [:]

    /// Makes the parts of the roles that must be there when the service starts, or returns why it can't.
    private(set) var required: [@Sendable (PartResolver) -> StartError?] = []

    /// Gives a part in code: in place of a plugin, or beside them where the role is a set.
    mutating func use<Interface: Sendable>(_ role: PluginRole<Interface>, _ part: Interface) {
        if role.isSet {
            parts[role.name, default: []].append(part)
        } else {
            parts[role.name] = [part]
        }
    }

    /// Gives a part in code in place of all others of its role.
    mutating func replace<Interface: Sendable>(_ role: PluginRole<Interface>, _ part: Interface) {
        parts[role.name] = [part]
    }

    /// Returns what was given for one role alone.
    func only<Interface: Sendable>(_ role: PluginRole<Interface>) -> PartOverrides {
        var others = PartOverrides()
        others.parts[role.name] = parts[role.name]
        return others
    }

    /// Sees to it that the service does not start without a part of a role.
    mutating func require<Interface: Sendable>(_ role: PluginRole<Interface>) {
        required.append { resolver in
            do throws(StartError) {
                if role.isSet { _ = try resolver.parts(role) } else { _ = try resolver.part(role) }
                return nil
            } catch {
                return error
            }
        }
    }

    /// All that were given and have a lifecycle, with the names of their roles.
    var all: [(role: String, part: any Part)] {
        parts.sorted { $0.key < $1.key }.flatMap { role, parts in
            parts.compactMap { $0 as? any Part }.map { (role, $0) }
        }
    }

    /// Returns what was given for a role, in the order in which it was given.
    func parts(of role: String) -> [any Sendable] { parts[role] ?? [] }

    /// None.
    init() {}

    /// The overrides that the engine's own roles have by the parameters of initialisers.
    init(
        registry: (any Registry)?, transports: [any Transport], broker: (any Broker)?,
        selector: (any Selector)?, codecs: [any Codec]
    ) {
        if let registry { use(.registry, registry) }
        for transport in transports { use(.transport, transport) }
        if let broker { use(.broker, broker) }
        if let selector { use(.selector, selector) }
        for codec in codecs { use(.codec, codec) }
    }
}
