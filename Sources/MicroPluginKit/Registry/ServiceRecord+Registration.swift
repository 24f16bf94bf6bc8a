public import MicroCore

extension ServiceRecord {
    /// Checks that the record can be registered, as every registry does before it holds it.
    ///
    /// - Parameter timeToLive: How long its nodes stay without being renewed; `nil` forever.
    /// - Throws: A ``MicroError`` with the status `invalidArgument` that says what is missing: the service's name, a
    ///   node, a node's id, or a time to live above zero.
    public func checkRegistration(timeToLive: Duration?) throws(MicroError) {
        let problem: String? =
            if name.isEmpty {
                "The service has no name."
            } else if nodes.isEmpty {
                "The service \(name) has no node."
            } else if nodes.contains(where: \.id.isEmpty) {
                "A node of the service \(name) has no id."
            } else if let timeToLive, timeToLive <= .zero {
                "The time to live of \(name) is \(timeToLive), and has to be above zero."
            } else {
                nil
            }
        if let problem { throw MicroError(.invalidArgument, problem, processed: .no) }
    }
}
