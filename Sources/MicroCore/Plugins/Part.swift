/// A replaceable part of a service: a registry, a transport, a store, or whatever else a role stands for.
///
/// It is the base of every interface that plugins implement, also of those that other modules define:
///
/// ```swift
/// public protocol Store: Part {
///     func read(_ key: String) async throws -> [UInt8]?
/// }
///
/// extension PluginRole where Interface == any Store {
///     public static var store: Self { PluginRole("store", preferring: ["memory"]) }
/// }
/// ```
///
/// ## Lifecycle
///
/// A part is made when somebody first asks for it, prepared once, and run while the service or client runs that
/// it belongs to. Parts start in the order of their dependencies: one that asks for another in ``prepare(_:)``
/// starts when the other is ready. They stop in reverse order, after the last call and event has ended.
public protocol Part: Sendable {
    /// What operators may set of such parts, which ``prepare(_:)`` reads; a plugin that makes them declares the same.
    static var settings: [SettingDeclaration] { get }

    /// Takes what the part needs of the service that uses it.
    ///
    /// It is called once, before any other function, also for a part that was given in code. Other parts are asked
    /// for here, with ``PluginContext/part(_:)``.
    ///
    /// - Parameter context: The service's configuration, identity and other parts.
    /// - Throws: A ``StartError`` if the configuration can't be used.
    func prepare(_ context: PluginContext) throws

    /// Does the part's background work until the task is cancelled.
    ///
    /// - Throws: A ``StartError`` if the part can't be used at all; the service stops then, and says why.
    func run() async throws

    /// Returns once ``run()`` has come so far that the parts which need this one may start.
    ///
    /// It is called once, while the part runs, and must end when its task is cancelled. A part whose functions wait themselves until it can be used, as a
    /// registry's do, needs none.
    ///
    /// - Throws: A ``StartError`` if the part can't be used at all.
    func waitUntilReady() async throws
}

extension Part {
    /// Nothing.
    public static var settings: [SettingDeclaration] { [] }

    /// Needs nothing of the service.
    public func prepare(_ context: PluginContext) throws {}

    /// Has no background work: waits until the task is cancelled.
    public func run() async throws {
        try? await Task.sleep(for: .seconds(Int64.max / 1_000_000_000))
    }

    /// Is ready at once.
    public func waitUntilReady() async throws {}
}
