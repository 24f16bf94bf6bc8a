import Micro
import MicroCore
import MicroRegistryMemory
import MicroTransportMemory
import Testing

@Suite("What a handler's calls inherit", .timeLimit(.minutes(2)))
struct CriticalityTests {
    /// A chain of services, each of which calls the next; the last answers with what it sees.
    private func chain(_ registry: MemoryRegistry, _ transport: MemoryTransport) -> [MicroService] {
        let last = makeService("last", registry: registry, transport: transport) {
            Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
                let left = context.deadline.map { $0 - .now < .seconds(3) } ?? false
                return HelloReply(message: "\(context.criticality) \(left)")
            }
        }
        let first = makeService("greeter", registry: registry, transport: transport) {
            Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
                let options = request.name == "own" ? CallOptions(criticality: .sheddable) : CallOptions()
                return HelloReply(message: try await context.client.hello(service: "last", options: options))
            }
        }
        return [last, first]
    }

    @Test("a caller who gives up ends the whole chain")
    func cancelled() async throws {
        let (registry, transport) = (MemoryRegistry(), MemoryTransport())
        let journal = Journal()
        let last = makeService("last", registry: registry, transport: transport) {
            Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
                journal.add("begin")
                defer { journal.add(Task.isCancelled ? "cancelled" : "ended") }
                try? await Task.sleep(for: .seconds(60))
                return HelloReply(message: "")
            }
        }
        try await last.withRunning { _ in
            try await chain(registry, transport)[1].withRunning { running in
                let task = Task { try await running.client.hello(options: .timeout(.seconds(60))) }
                await journal.wait(for: 1)
                task.cancel()
                await journal.wait(for: 2)
                _ = try? await task.value
            }
        }
        #expect(journal.lines == ["begin", "cancelled"])
    }

    @Test("deadline and criticality go along the chain; a call may say something else")
    func inherited() async throws {
        let (registry, transport) = (MemoryRegistry(), MemoryTransport())
        let services = chain(registry, transport)
        try await services[0].withRunning { _ in
            try await services[1].withRunning { running in
                let client = running.client
                let critical = CallOptions(timeout: .seconds(2), criticality: .critical)
                let answer = try await client.hello(options: critical)
                #expect(answer == "critical true")
                let answer2 = try await client.hello(options: .timeout(.seconds(60)))
                #expect(answer2 == "default false")
                let answer3 = try await client.hello("own", options: critical)
                #expect(answer3 == "sheddable true")
            }
        }
    }
}
