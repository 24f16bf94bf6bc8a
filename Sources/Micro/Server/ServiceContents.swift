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
public protocol ServiceComponent: Sendable {
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

    init() {}

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
