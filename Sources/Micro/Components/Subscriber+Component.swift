import MicroCore

extension Subscriber: ServiceComponent {
    /// Adds the subscriber to a service.
    public func contribute(to contents: inout ServiceContents) { contents.add(self) }
}
