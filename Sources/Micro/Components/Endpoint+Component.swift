import MicroCore

extension Endpoint: ServiceComponent {
    /// Adds the endpoint to a service.
    public func contribute(to contents: inout ServiceContents) { contents.add(self) }
}
