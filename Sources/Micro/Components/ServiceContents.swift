public import Logging
public import MicroCore

/// Something that a service is made of: an endpoint, a subscriber, or a group of what belongs together.
///
/// Write one to contribute a group, as generated code does for a Protobuf service:
///
/// ```swift
/// struct Health: ServiceComponent {
///     func contribute(to contents: inout ServiceContents) {
///         contents.add(Endpoint("Health.Check") { (request: Check, context) in Status(text: "ok") })
///     }
/// }
/// ```
public protocol ServiceComponent: Part {
    /// Adds what the component is made of to a service.
    ///
    /// - Parameter contents: What the service is made of so far.
    func contribute(to contents: inout ServiceContents)
}

/// All that a service is made of.
public struct ServiceContents: Sendable {
    /// The endpoints, in the order in which they were added.
    public private(set) var endpoints: [Endpoint] = []

    /// The subscribers, in the order in which they were added.
    public private(set) var subscribers: [Subscriber] = []

    /// What components want to tell each other, whatever its type.
    private(set) var attachments: [any Sendable] = []

    /// What runs around the application's calls and events, outside of its own middleware.
    private(set) var middleware = Middleware()

    /// What gets the service's log as well, each made for the label of its logger.
    private(set) var logHandlers: [@Sendable (_ label: String) -> any LogHandler] = []

    init() {}

    /// Adds a value for other components, which find it in the ``ServiceOverview``.
    ///
    /// - Parameter value: The value, which is found by its type.
    public mutating func attach(_ value: some Sendable) { attachments.append(value) }

    /// Adds middleware around the application's calls and events, outside of its own.
    ///
    /// - Parameter middleware: The middleware.
    public mutating func add(middleware: Middleware) { self.middleware.append(middleware) }

    /// Adds something that gets what the service itself logs, beside the program's own log.
    ///
    /// - Parameter makeHandler: Makes it for a logger's label.
    public mutating func add(logHandler makeHandler: @escaping @Sendable (_ label: String) -> any LogHandler)
    {
        logHandlers.append(makeHandler)
    }

    /// Adds a subscriber.
    ///
    /// - Parameter subscriber: The subscriber.
    public mutating func add(_ subscriber: Subscriber) { subscribers.append(subscriber) }

    /// Adds an endpoint.
    ///
    /// - Parameter endpoint: The endpoint.
    public mutating func add(_ endpoint: Endpoint) { endpoints.append(endpoint) }

    /// Adds a component.
    ///
    /// - Parameter component: The component.
    public mutating func add(_ component: some ServiceComponent) { component.contribute(to: &self) }
}

extension ServiceComponent {
    /// Returns the component with its endpoints as some of the infrastructure.
    ///
    /// See ``Endpoint/Options/isInternal``.
    ///
    /// - Returns: The component.
    public func asInternal() -> some ServiceComponent { InternalComponent(base: self) }
}

private struct InternalComponent<Base: ServiceComponent>: ServiceComponent {
    let base: Base

    func contribute(to contents: inout ServiceContents) {
        let count = contents.endpoints.count
        base.contribute(to: &contents)
        contents.makeInternal(from: count)
    }
}

extension ServiceContents {
    /// Makes the endpoints from a position on internal.
    fileprivate mutating func makeInternal(from position: Int) {
        endpoints = endpoints.prefix(position) + endpoints.dropFirst(position).map { $0.asInternal() }
    }
}

extension PluginRole where Interface == any ServiceComponent {
    /// What every service has beside its own endpoints because it is linked, such as health.
    ///
    /// The application's own endpoints go before those of a linked component.
    public static var component: Self { .set("component", preferring: ["health", "debug", "reflection"]) }
}

/// A component that has nothing: for one that is switched off.
public struct NoComponent: ServiceComponent {
    /// Creates the component.
    public init() {}

    /// Adds nothing.
    public func contribute(to contents: inout ServiceContents) {}
}

/// Components that belong together.
///
/// ```swift
/// let admin = ComponentGroup {
///     Endpoint("Admin.Reload") { … }
///     Endpoint("Admin.Drain") { … }
/// }
/// ```
public struct ComponentGroup: ServiceComponent {
    private let components: [any ServiceComponent]

    /// Creates a group.
    ///
    /// - Parameter components: What belongs to it.
    public init(@ServiceBuilder _ components: () -> [any ServiceComponent]) {
        self.components = components()
    }

    /// Adds the components to a service.
    public func contribute(to contents: inout ServiceContents) {
        for component in components { component.contribute(to: &contents) }
    }
}
