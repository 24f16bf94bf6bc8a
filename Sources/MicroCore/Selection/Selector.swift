/// A rule by which a client picks one of a service's nodes for each attempt of a call.
///
/// A selector is shared by all calls of a client, which may ask concurrently and on the hot path:
/// it answers at once and never blocks.
public protocol Selector: Part {
    /// Picks a node.
    ///
    /// - Parameters:
    ///   - nodes: The nodes that can be called; never empty, in a stable order.
    ///   - service: The service that is called.
    /// - Returns: The position of the chosen node in `nodes`. A position outside counts as none.
    func choose(among nodes: [Node], of service: String) -> Int

    /// Records how an attempt on a node went.
    ///
    /// - Parameters:
    ///   - node: The node that was called.
    ///   - service: The service that was called.
    ///   - error: The error of the attempt, or `nil` if it succeeded.
    func mark(_ node: Node, of service: String, error: MicroError?)
}

extension Selector {
    /// Records nothing.
    public func mark(_ node: Node, of service: String, error: MicroError?) {}
}
