/// The parts of a call's path, `/service.Type/Method`.
///
/// A go-micro client puts the name under which a service is registered in front of the last dot of
/// the first segment; a plain gRPC client puts the Protobuf package there. What is behind that dot
/// is the type, and both together are the endpoint.
public struct CallPath: Hashable, Sendable {
    /// What precedes the type: a service's name or a Protobuf package; may be empty.
    public var service: String

    /// The endpoint: `Type.Method`.
    public var endpoint: String

    /// Creates a path from its parts.
    ///
    /// - Parameters:
    ///   - service: The service's registered name, or a Protobuf package; may be empty.
    ///   - endpoint: The endpoint, `Type.Method`. A text that begins with `/` is a whole path.
    public init(service: String, endpoint: String) {
        if endpoint.hasPrefix("/"), let path = CallPath(endpoint) {
            self = path
        } else {
            self.service = service
            self.endpoint = endpoint
        }
    }

    /// Takes a path apart; fails unless it has exactly two segments, neither of them empty.
    ///
    /// - Parameter path: A text such as `/greeter.Greeter/Hello`.
    public init?(_ path: String) {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        guard segments.count == 3, segments[0].isEmpty, !segments[1].isEmpty, !segments[2].isEmpty else {
            return nil
        }
        let dot = segments[1].lastIndex(of: ".")
        service = dot.map { String(segments[1][..<$0]) } ?? ""
        let type = dot.map { segments[1][segments[1].index(after: $0)...] } ?? segments[1]
        guard !type.isEmpty else { return nil }
        endpoint = "\(type).\(segments[2])"
    }
}

extension CallPath: CustomStringConvertible {
    /// The path as it stands on the wire.
    ///
    /// An endpoint with one part stands for a type and a method of that name: there is no other way
    /// to write it.
    public var description: String {
        let dot = endpoint.lastIndex(of: ".")
        let type = dot.map { endpoint[..<$0] } ?? endpoint[...]
        let method = dot.map { endpoint[endpoint.index(after: $0)...] } ?? endpoint[...]
        return service.isEmpty ? "/\(type)/\(method)" : "/\(service).\(type)/\(method)"
    }
}
