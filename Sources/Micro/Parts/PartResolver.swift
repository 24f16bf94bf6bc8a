import MicroCore
internal import Synchronization

/// Makes the parts of a service or client, each once, when they are first asked for.
final class PartResolver: Sendable {
    let settings: Settings
    let identity: ServiceIdentity

    private let plugins: Plugins
    private let overrides: PartOverrides

    private let runner = PartRunner()

    /// The parts that were made, or why they can't be, or can't be used any more.
    private let made = Mutex<[PartKey: Result<any Sendable, StartError>]>([:])

    /// Held while a part is made with all that it needs, so that each is made once.
    private let construction = Mutex(())

    /// Creates a resolver.
    ///
    /// - Parameters:
    ///   - plugins: The catalogue.
    ///   - overrides: The parts that were given in code.
    ///   - settings: The configuration.
    ///   - identity: The service.
    init(plugins: Plugins, overrides: PartOverrides, settings: Settings, identity: ServiceIdentity) {
        self.plugins = plugins
        self.overrides = overrides
        self.settings = settings
        self.identity = identity
    }

    /// Checks that every plugin that is chosen is there, and makes the parts that must be.
    ///
    /// It looks at all roles, also where the part is made only once it is used: a spelling mistake must end the start,
    /// not a call later on. Roles of which all plugins are used have no choice: `MICRO_TRANSPORT` means something else to go-micro.
    func checkChoices() throws(StartError) {
        try plugins.checkUnique()
        // Those that the engine chooses have variables also where no plugin is linked.
        let chosen = Set(plugins.all.lazy.filter { !$0.roleIsSet }.map(\.role))
            .union([
                PluginRole.registry.name, PluginRole<any Broker>.broker.name,
                PluginRole<any Selector>.selector.name,
            ])
        for role in chosen.sorted() where overrides.parts(of: role).isEmpty {
            guard let choice = settings.text(ofKey: role) else { continue }
            _ = try plugins.choose(PluginRole<any Sendable>(role), name: choice.text)
        }
        for require in overrides.required {
            if let error = require(self) { throw error }
        }
    }

    /// Whether a part of a role could be had, or somebody wants one.
    func has<Interface>(_ role: PluginRole<Interface>) -> Bool {
        !overrides.parts(of: role.name).isEmpty || settings.text(ofKey: role.name) != nil
            || !plugins.plugins(of: role.name).isEmpty
    }

    /// Returns the part of a role of which one is chosen.
    func part<Interface>(_ role: PluginRole<Interface>) throws(StartError) -> Interface {
        guard let part = try resolve(PartKey(role: role.name)).get() as? Interface else {
            throw StartError(
                .invalidConfiguration,
                "The \(role.name) is not of the type \(Interface.self). Remove the plugin that defines another."
            )
        }
        return part
    }

    /// Returns the part that one plugin makes of a role of which another one may be chosen.
    ///
    /// - Parameters:
    ///   - role: The role.
    ///   - name: The plugin's name, or one of its aliases.
    /// - Returns: The part.
    /// - Throws: Why there is none.
    func part<Interface>(_ role: PluginRole<Interface>, named name: String) throws(StartError) -> Interface {
        // First of all, so that nothing is remembered of names that no plugin has.
        let plugin = try plugins.choose(PluginRole<any Sendable>(role.name), name: name)
        guard let part = try resolve(PartKey(role: role.name, member: plugin.name)).get() as? Interface else {
            throw StartError(
                .invalidConfiguration,
                "The plugin \"\(plugin.name)\" is not a \(role.name) of the type \(Interface.self).")
        }
        return part
    }

    /// Returns the part of a role to who is making or answering a call.
    ///
    /// - Throws: Why there is none, as an error of the call that was surely not processed.
    func partForCalls<Interface>(_ role: PluginRole<Interface>) throws(MicroError) -> Interface {
        do throws(StartError) {
            return try part(role)
        } catch {
            throw MicroError(.failedPrecondition, error.message, id: ClientErrors.id, processed: .no)
        }
    }

    /// Returns the parts of a role of which all are used, to be made when they are used; those that were given in
    /// code come first.
    func members<Interface: Sendable>(
        _ role: PluginRole<Interface>
    ) throws(StartError) -> [PartMember<Interface>] {
        try plugins.checkUnique()
        let given = overrides.parts(of: role.name).indices.map { position in
            PartMember<Interface>(
                key: PartKey(role: role.name, member: "given \(position)"), provides: [], isGiven: true,
                resolver: self)
        }
        let linked = plugins.plugins(of: role.name).map { plugin in
            PartMember<Interface>(
                key: PartKey(role: role.name, member: plugin.name), provides: plugin.provides, isGiven: false,
                resolver: self)
        }
        return given + linked
    }

    /// Makes all parts of a role of which all are used.
    func parts<Interface: Sendable>(_ role: PluginRole<Interface>) throws(StartError) -> [Interface] {
        var parts: [Interface] = []
        for member in try members(role) { parts.append(try member.part()) }
        return parts
    }

    /// Waits until the parts that were made are ready.
    ///
    /// - Throws: Why one of them can't be used.
    func waitUntilReady() async throws(StartError) { try await runner.waitUntilReady() }

    /// Runs the parts while a closure runs, those that are made meanwhile as well, and then stops them.
    ///
    /// - Parameters:
    ///   - onFailure: Told of which role a part can't be used any more, and why. Who asks for that part from then
    ///     on gets the reason.
    ///   - body: What uses the parts.
    /// - Returns: What the closure returned.
    /// - Throws: What the closure threw.
    func whileRunning<Value: Sendable>(
        onFailure: @escaping @Sendable (_ role: String, StartError) -> Void, _ body: () async throws -> Value
    ) async throws -> Value {
        try await runner.whileRunning { [self] key, error in
            made.withLock { $0[key] = .failure(error) }
            onFailure(key.role, error)
        } _: {
            try await body()
        }
    }

    fileprivate func resolve(_ key: PartKey) -> Result<any Sendable, StartError> {
        if let known = made.withLock({ $0[key] }) { return known }
        return construction.withLock { _ in
            let construction = Construction(path: [])
            defer { construction.end() }
            return make(key, within: construction)
        }
    }

    /// Makes a part, or returns what was made; runs with the lock of construction held.
    private func make(_ key: PartKey, within outer: Construction) -> Result<any Sendable, StartError> {
        if let known = made.withLock({ $0[key] }) { return known }
        guard !outer.path.contains(key.role) else {
            return .failure(
                StartError(
                    .duplicatePlugin,
                    "Parts need each other in a circle: \((outer.path + [key.role]).joined(separator: " → ")). "
                        + "Choose another plugin for one of them."))
        }
        let construction = Construction(path: outer.path + [key.role])
        defer { construction.end() }
        let result = Result { try create(key, construction) }
            .mapError { Self.startError($0, role: key.role) }
        made.withLock { $0[key] = result }
        // What it needs was made, and so added, before.
        if case .success(let part as any Part) = result { runner.add(part, key) }
        return result
    }

    private func create(_ key: PartKey, _ construction: Construction) throws -> any Sendable {
        if let given = overridden(key) {
            try (given as? any Part)?.prepare(context(key.role, settings.scoped(to: key.role), construction))
            return given
        }
        let plugin = try plugin(key)
        // A part reads what its plugin declares, so that nothing is read that nobody can find.
        let settings = settings.scoped(
            to: key.role, member: plugin.roleIsSet ? plugin.name : nil, declared: plugin.settings)
        let context = context(key.role, settings, construction)
        let part = try plugin.make(as: PluginRole<any Sendable>(key.role), context: context)
        try (part as? any Part)?.prepare(context)
        return part
    }

    private func overridden(_ key: PartKey) -> (any Sendable)? {
        let given = overrides.parts(of: key.role)
        guard let member = key.member else { return given.first }
        return given.indices.first { member == "given \($0)" }.map { given[$0] }
    }

    private func plugin(_ key: PartKey) throws(StartError) -> Plugin {
        try plugins.choose(
            PluginRole<any Sendable>(key.role), name: key.member ?? settings.text(ofKey: key.role)?.text)
    }

    private func context(_ role: String, _ settings: Settings, _ construction: Construction) -> PluginContext
    {
        PluginContext(scoped: settings, role: role, service: identity) { [self] other in
            let key = PartKey(role: other)
            // A part that asks later than in its preparation asks as anybody does.
            let result = construction.isOver ? resolve(key) : make(key, within: construction)
            return try result.get()
        }
    }

    /// A plugin may throw anything; anyone who starts the service gets one kind of error.
    private static func startError(_ error: any Error, role: String) -> StartError {
        if let error = error as? StartError { return error }
        return StartError(.invalidConfiguration, "The \(role) can't be made: \(error)")
    }
}

/// Which part it is: the one of a role, or a member of a role that is a set.
struct PartKey: Hashable, Sendable {
    let role: String
    var member: String?

    /// What it is called in a message.
    var name: String { member.map { "\(role) \"\($0)\"" } ?? role }
}

/// A part of a role of which all are used, which is made when it is first used.
struct PartMember<Interface: Sendable>: Sendable {
    fileprivate let key: PartKey

    /// What its plugin declares to offer; empty for a part that was given in code.
    let provides: [String]

    /// Whether it was given in code.
    let isGiven: Bool

    fileprivate let resolver: PartResolver

    /// Returns the part; makes it if it isn't made yet.
    ///
    /// - Throws: Why it can't be made, the same each time.
    func part() throws(StartError) -> Interface {
        guard let part = try resolver.resolve(key).get() as? Interface else {
            throw StartError(
                .invalidConfiguration,
                "The plugin \"\(key.member ?? "")\" is not a \(key.role) of the type \(Interface.self): two modules "
                    + "define a role \"\(key.role)\".")
        }
        return part
    }
}

/// The making of one part, while which it may ask for others.
private final class Construction: Sendable {
    /// The roles of the parts that are being made, the outermost first.
    let path: [String]
    private let over = Atomic(false)

    init(path: [String]) { self.path = path }

    var isOver: Bool { over.load(ordering: .acquiring) }

    func end() { over.store(true, ordering: .releasing) }
}
