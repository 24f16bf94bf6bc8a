import MicroNATS
import MicroTestSupport
import NIOCore
import Synchronization

/// Runs a client around a function.
@discardableResult
func withClient<Result: Sendable>(
    _ configuration: NATSClient.Configuration, waits: Bool = true,
    _ body: @escaping @Sendable (NATSClient) async throws -> Result
) async throws -> Result {
    let client = NATSClient(configuration: configuration)
    return try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask {
            try await client.run()
            return nil
        }
        group.addTask {
            if waits { try await client.waitUntilConnected() }
            return try await body(client)
        }
        defer { group.cancelAll() }
        while let result = try await group.next() {
            if let result { return result }
        }
        throw TestSupportError("the client ended before the test")
    }
}

/// Runs a client of one server around a function.
@discardableResult
func withClient<Result: Sendable>(
    _ server: NATSServerProcess, _ body: @escaping @Sendable (NATSClient) async throws -> Result
) async throws -> Result {
    var configuration = NATSClient.Configuration(servers: [server.address])
    configuration.reconnectDelay = .milliseconds(20) ... .milliseconds(200)
    return try await withClient(configuration, body)
}

/// Takes some messages' payloads as text, within a time limit.
func texts(_ subscription: NATSSubscription, _ count: Int, within limit: Duration = .seconds(20)) async throws
    -> [String]
{
    try await withThrowingTaskGroup(of: [String]?.self) { group in
        group.addTask {
            var texts: [String] = []
            guard count > 0 else { return texts }
            for try await message in subscription {
                texts.append(String(buffer: message.payload))
                if texts.count == count { break }
            }
            return texts
        }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let texts = first else {
            throw TestSupportError("not \(count) messages within \(limit)")
        }
        return texts
    }
}

/// A number that tasks raise.
final class Counter: Sendable {
    private let number = Mutex(0)
    var value: Int { number.withLock { $0 } }
    func increment() { number.withLock { $0 += 1 } }
}
