import Micro
import MicroCore
import MicroRegistryMemory
import MicroTestSupport
import MicroTesting
import Synchronization
import Testing

@Suite("Retries: which, when, and how many", .timeLimit(.minutes(2)))
struct RetryTests {
    private let two = [Node(id: "a", address: "10.0.0.1:1"), Node(id: "b", address: "10.0.0.2:1")]

    private func withClient<Result: Sendable>(
        _ transport: ScriptedTransport, nodes: [Node], config: ServiceConfig = ServiceConfig(),
        clock: (any Clock<Duration>)? = nil, _ environment: [String: String] = [:],
        _ body: (MicroClient) async throws -> Result
    ) async throws -> Result {
        let registry = MemoryRegistry()
        try await registry.register(ServiceRecord(name: "greeter", nodes: nodes), timeToLive: nil)
        var client = MicroClient(
            registry: registry, transports: [transport], plugins: testPlugins,
            configuration: .test(environment), serviceConfig: config)
        if let clock { client = client.onTestClock(TimeSource(clock)) }
        return try await withMicroClient(client, body)
    }

    private func failing(_ error: MicroError) -> ScriptedTransport {
        ScriptedTransport { _, _, _ throws(MicroError) in throw error }
    }

    @Test("attempts with the statuses of a policy are made again, as often as it says, and say so")
    func statuses() async throws {
        let said = Journal()
        let transport = ScriptedTransport { _, head, number throws(MicroError) in
            said.add(head.metadata["grpc-previous-rpc-attempts"] ?? "none")
            throw MicroError(number == 3 ? .internal : .aborted, "conflict")
        }
        let policy = RetryPolicy.on([.aborted], attempts: 5, firstDelay: .milliseconds(1))
        let error = try await withClient(transport, nodes: two) { client in
            try await #require(throws: MicroError.self) {
                try await client.hello(options: CallOptions(retry: policy))
            }
        }
        #expect(error.status == .internal && transport.calls == 3)
        #expect(said.lines == ["none", "1", "2"])
    }

    @Test("a server that wants no other attempt gets none, whatever the policy")
    func pushbackNever() async throws {
        var error = MicroError(.unavailable, "going down")
        error.retryPushback = .never
        let transport = failing(error)
        _ = try? await withClient(transport, nodes: two) {
            try await $0.hello(options: CallOptions(retry: .on([.unavailable], attempts: 5)))
        }
        #expect(transport.calls == 1)
    }

    @Test("a server that refuses a call is obeyed: the next attempt comes when it says, and not before")
    func pushbackAfter() async throws {
        let clock = ManualClock()
        let transport = ScriptedTransport { node, _, number throws(MicroError) in
            guard number == 1 else { return node.id }
            var error = MicroError(.resourceExhausted, "too many calls")
            error.retryPushback = .after(.milliseconds(700))
            error.isRefusal = true
            throw error
        }
        try await withClient(transport, nodes: [two[0]], clock: clock) { client in
            async let reply = client.hello()
            // The client's own interval sleeps as well.
            await clock.waitForSleepers(2)
            clock.advance(by: .milliseconds(699))
            #expect(transport.calls == 1)
            clock.advance(by: .milliseconds(1))
            let answer = try await reply
            #expect(answer == "a")
        }
    }

    @Test("a server that pushes back for longer than the deadline ends the call at once")
    func pushbackForAnHour() async throws {
        var error = MicroError(.unavailable, "busy")
        error.retryPushback = .after(.seconds(3600))
        error.isRefusal = true
        let transport = failing(error)
        let begin = ContinuousClock.now
        _ = try? await withClient(transport, nodes: two) { try await $0.hello() }
        #expect(transport.calls == 1 && .now - begin < .seconds(4))
    }

    @Test("an error without a refusal's mark may have been processed, whatever its pushback")
    func pushbackIsNoProof() async throws {
        var error = MicroError(.unavailable, "busy")
        error.retryPushback = .after(.zero)
        let transport = failing(error)
        _ = try? await withClient(transport, nodes: two) { try await $0.hello() }
        #expect(transport.calls == 1)
    }

    @Test("retries are a tenth of the calls at most, when all calls fail")
    func budget() async throws {
        let transport = failing(MicroError(.unavailable, "down"))
        let policy = RetryPolicy.on([.unavailable], attempts: 5, firstDelay: .microseconds(1))
        try await withClient(transport, nodes: two) { client in
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<10 {
                    group.addTask {
                        for _ in 0..<300 { _ = try? await client.hello(options: CallOptions(retry: policy)) }
                    }
                }
            }
        }
        #expect(transport.calls > 3000 && transport.calls < 3600, "\(transport.calls) attempts of 3000 calls")
    }

    @Test("a budget of nothing leaves one retry each second, and one of everything bounds nothing")
    func budgetSettings() async throws {
        for (budget, calls) in [("0", 20...27), ("100", 31...40)] {
            let transport = failing(MicroError(.unavailable, "down"))
            try await withClient(transport, nodes: [two[0]], ["MICRO_CLIENT_RETRY_BUDGET": budget]) {
                client in
                let policy = RetryPolicy.on([.unavailable], firstDelay: .microseconds(1))
                for number in 0..<20 {
                    // Behind a few calls there is something to take a part of.
                    if number == 5 { try await Task.sleep(for: .milliseconds(15)) }
                    _ = try? await client.hello(options: CallOptions(retry: policy))
                }
            }
            #expect(calls.contains(transport.calls), "\(transport.calls) attempts with a budget of \(budget)")
        }
    }

    @Test("a method that is idempotent is called again where its call may have been processed")
    func idempotentMethod() async throws {
        for isIdempotent in [false, true] {
            let transport = failing(MicroError(.unavailable, "lost"))
            let method = RPCMethod<HelloRequest, HelloReply>(
                "greeter", "Greeter.Hello", isIdempotent: isIdempotent)
            _ = try? await withClient(transport, nodes: two) {
                try await $0.call(method, HelloRequest(name: "x"))
            }
            #expect(transport.calls == (isIdempotent ? 2 : 1))
        }
    }

    @Test("an endpoint that all its nodes call idempotent in the registry is one")
    func idempotentInTheRegistry() async throws {
        func record(_ number: Int, isIdempotent: Bool) -> ServiceRecord {
            let metadata = isIdempotent ? ["idempotent": "true"] : [:]
            return ServiceRecord(
                name: "greeter", version: "\(number)",
                endpoints: [EndpointRecord(name: "Greeter.Hello", metadata: metadata)], nodes: [two[number]])
        }
        for (second, calls) in [(true, 2), (false, 1)] {
            let transport = failing(MicroError(.unavailable, "lost"))
            let registry = MemoryRegistry()
            try await registry.register(record(0, isIdempotent: true), timeToLive: nil)
            try await registry.register(record(1, isIdempotent: second), timeToLive: nil)
            let client = MicroClient(
                registry: registry, transports: [transport], plugins: testPlugins, configuration: .test())
            _ = try? await withMicroClient(client) { try await $0.hello() }
            #expect(transport.calls == calls)
        }
    }

    @Test("the service config's policy and time-out count where the call says nothing")
    func config() async throws {
        let config = ServiceConfig([
            .init("greeter", timeout: .milliseconds(50)),
            .init("greeter", "Greeter.Hello", retry: .on([.aborted], attempts: 3, firstDelay: .zero)),
        ])
        let transport = failing(MicroError(.aborted, "conflict"))
        try await withClient(transport, nodes: two, config: config) { client in
            _ = try? await client.hello()
            #expect(transport.calls == 3)
            _ = try? await client.hello(options: CallOptions(retry: .never))
            #expect(transport.calls == 4)
        }
        let silent = ScriptedTransport { _, head, _ throws(MicroError) in
            guard let deadline = head.deadline, deadline - .now < .seconds(1) else { return "no deadline" }
            return "deadline"
        }
        try await withClient(
            silent, nodes: two, config: ServiceConfig([.init("greeter", timeout: .milliseconds(500))])
        ) {
            let answer2 = try await $0.hello()
            #expect(answer2 == "deadline")
            let answer3 = try await $0.hello(options: .timeout(.seconds(30)))
            #expect(answer3 == "deadline")
        }
    }
}
