internal import MicroCore
internal import MicroEtcd

/// Where nodes stand in etcd: go-micro's `/micro/registry/<service>/<node id>`.
struct KeyLayout: Hashable, Sendable {
    /// What all keys begin with, ending in a slash.
    let prefix: String

    /// Creates a layout.
    ///
    /// - Parameter prefix: What all keys begin with.
    init(prefix: String) {
        self.prefix = prefix.hasSuffix("/") ? prefix : prefix + "/"
    }

    /// The keys of all nodes.
    var all: EtcdKeyRange { .prefix(prefix) }

    /// The keys of a service's nodes.
    ///
    /// Names with slashes share a range with those that have hyphens in their place.
    func range(of service: String) -> EtcdKeyRange { .prefix(prefix + Self.component(service) + "/") }

    /// The key of a node.
    ///
    /// - Parameters:
    ///   - node: The node.
    ///   - isPlain: Whether the key is the one that go-micro uses, which has no version in it. A process
    ///     that holds a node in two versions needs another one for the second.
    /// - Returns: The key.
    func key(of node: NodeKey, isPlain: Bool = true) -> String {
        let key = prefix + Self.component(node.service) + "/" + Self.component(node.id)
        return isPlain ? key : key + "@" + Self.component(node.version)
    }

    private static func component(_ text: String) -> String {
        String(decoding: text.utf8.map { $0 == UInt8(ascii: "/") ? UInt8(ascii: "-") : $0 }, as: UTF8.self)
    }
}
