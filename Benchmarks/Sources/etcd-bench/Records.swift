import MicroCore
import MicroRegistryEtcd

/// Records as services have them: three endpoints with their messages, five metadata.
enum Records {
    /// What the services' names begin with.
    static let prefix = "bench.service."

    /// Returns a record with one node.
    static func node(_ node: Int, of service: Int, metadata more: [String: String] = [:]) -> ServiceRecord {
        let name = "\(prefix)\(service)"
        let metadata = [
            "broker": "http", "protocol": "grpc", "registry": "etcd", "server": "grpc", "transport": "grpc",
        ]
        return ServiceRecord(
            name: name, version: "1.0.0", endpoints: ["Hello", "Bye", "List"].map(endpoint),
            nodes: [
                Node(
                    id: "\(name)-6f1c0f9e-52a4-4f0f-9d3e-\(node)",
                    address: "10.0.\(service % 256).\(node % 256):8080",
                    metadata: metadata.merging(more) { $1 })
            ])
    }

    private static func endpoint(_ name: String) -> EndpointRecord {
        let fields = [
            ValueRecord(name: "name", type: "string"), ValueRecord(name: "tags", type: "[]string"),
            ValueRecord(name: "limit", type: "int64"),
        ]
        return EndpointRecord(
            name: "Greeter.\(name)", request: ValueRecord(name: "Request", type: "Request", values: fields),
            response: ValueRecord(name: "Response", type: "Response", values: fields), metadata: [:])
    }
}

/// Does the background work of registries while a closure runs.
func withRunning<Value: Sendable>(
    _ registries: [EtcdRegistry], _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        for registry in registries {
            group.addTask {
                try await registry.run()
                return nil
            }
        }
        group.addTask { try await body() }
        defer { group.cancelAll() }
        while let value = try await group.next() {
            if let value { return value }
        }
        throw CancellationError()
    }
}
