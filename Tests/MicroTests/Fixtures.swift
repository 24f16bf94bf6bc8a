import Micro
import MicroBrokerMemory
import MicroCodecJSON
import MicroCore
import MicroRegistryMemory
import MicroTransportMemory
import Synchronization

struct HelloRequest: Codable, Hashable, Sendable { var name: String }
struct HelloReply: Codable, Hashable, Sendable { var message: String }
struct Number: Codable, Hashable, Sendable { var value: Int }

/// Plugins of this target's own choice: other test targets of the same program link more.
let testPlugins: Plugins = [.memoryTransport, .jsonCodec, .memoryRegistry]

extension ConfigurationSources {
    /// Nothing of the process, and no pause between leaving the registry and refusing calls.
    static func test(
        _ environment: [String: String] = [:], arguments: [String] = [], overrides: [String: String] = [:]
    ) -> Self {
        Self(
            arguments: arguments,
            environment: environment.merging(["MICRO_SERVER_DEREGISTRATION_DELAY": "0"]) { given, _ in given
            },
            overrides: overrides)
    }
}

/// A service on memory parts.
func makeService(
    _ name: String = "greeter", registry: (any Registry)? = MemoryRegistry(),
    transport: (any Transport)? = MemoryTransport(), broker: (any Broker)? = nil,
    environment: [String: String] = [:],
    middleware: [Middleware] = [],
    @ServiceBuilder _ components: () -> [any ServiceComponent]
) -> MicroService {
    MicroService(
        name, registry: registry, transport: transport, broker: broker, plugins: testPlugins,
        middleware: middleware, configuration: .test(environment), components)
}

/// The endpoint that most tests call.
let hello = Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
    HelloReply(message: "Hello, \(request.name)!")
}

extension MicroClient {
    func hello(
        _ name: String = "world", service: String = "greeter", options: CallOptions = CallOptions()
    ) async throws -> String {
        try await call(
            service, "Greeter.Hello", HelloRequest(name: name), returning: HelloReply.self, options: options
        ).message
    }
}

/// What happened, in order, told by any number of tasks.
final class Journal: Sendable {
    private let state = Mutex<(lines: [String], readers: [(count: Int, CheckedContinuation<Void, Never>)])>(
        ([], []))

    var lines: [String] { state.withLock(\.lines) }

    func add(_ line: String) {
        let ready = state.withLock { state in
            state.lines.append(line)
            let count = state.lines.count
            defer { state.readers.removeAll { $0.count <= count } }
            return state.readers.filter { $0.count <= count }.map(\.1)
        }
        for reader in ready { reader.resume() }
    }

    /// Waits until a line is there.
    func wait(for line: String) async {
        while true {
            let seen = lines
            if seen.contains(line) { return }
            await wait(for: seen.count + 1)
        }
    }

    /// Waits until a number of lines are there.
    func wait(for count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.lines.count >= count { return true }
                state.readers.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}

/// A door that tasks wait at until it is opened.
final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if state.isOpen { return true }
                state.waiters.append(continuation)
                return false
            }
            if isOpen { continuation.resume() }
        }
    }
}
