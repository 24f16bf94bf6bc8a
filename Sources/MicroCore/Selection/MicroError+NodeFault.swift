extension MicroError {
    /// Whether an attempt that ended with the error speaks against the node: it was unavailable or too late, or the
    /// connection failed.
    ///
    /// A service's own errors are answers like others, and a caller who gave up says nothing.
    package var isNodeFault: Bool {
        switch status {
        case .unavailable, .deadlineExceeded: true
        // Transports report what went wrong on the wire so, and other implementations of gRPC that a handler has
        // crashed; an error with a service's name is what its handler wanted to say.
        case .internal, .unknown: id.isEmpty || id == "go.micro.client"
        default: false
        }
    }
}
