import EtcdTestSupport
import MicroEtcd
import MicroTestSupport

/// A client of some addresses.
func makeClient(
    _ addresses: String..., credentials: EtcdCredentials? = nil, timeout: Duration = .seconds(5),
    clock: any Clock<Duration> = ContinuousClock()
) throws -> EtcdClient {
    let endpoints = addresses.compactMap(EtcdEndpoint.init)
    return try EtcdClient(
        configuration: EtcdConfiguration(endpoints: endpoints, credentials: credentials, timeout: timeout),
        clock: clock)
}

/// Runs a client while a closure uses it.
func withClient<Value: Sendable>(
    _ client: EtcdClient, _ body: @escaping @Sendable (EtcdClient) async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask {
            try await client.run()
            return nil
        }
        group.addTask { try await body(client) }
        defer { group.cancelAll() }
        while let value = try await group.next() {
            if let value { return value }
        }
        throw TestSupportError("The client has ended before its user.")
    }
}

/// Starts an etcd, and runs a client of it while a closure uses both.
func withEtcd(_ body: @escaping @Sendable (EtcdClient, EtcdServer) async throws -> Void) async throws {
    let server = try await EtcdServer.started()
    try await withClient(try makeClient(server.address)) { try await body($0, server) }
}

/// The bytes of a text.
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

extension EtcdKeyValue {
    /// The value as a text.
    var text: String { String(decoding: value, as: UTF8.self) }

    /// The key as a text.
    var name: String { String(decoding: key, as: UTF8.self) }
}
