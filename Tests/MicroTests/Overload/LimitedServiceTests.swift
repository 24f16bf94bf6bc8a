import InMemoryLogging
import Logging
import Micro
import MicroCodecJSON
import MicroCore
import MicroServiceTesting
import Testing

@Suite("A service with limits", .timeLimit(.minutes(2))) struct LimitedServiceTests {
    private static let once = CallOptions(retries: 0)

    /// An endpoint whose calls end when the gate is opened.
    private func held(_ gate: Gate, _ entered: Journal = Journal()) -> Endpoint {
        Endpoint("Slow.Wait") { (request: HelloRequest, context) in
            entered.add(request.name)
            await gate.wait()
            return HelloReply(message: request.name)
        }
    }

    /// Tells what the protection of all endpoints does; it is one of the infrastructure's own.
    private let load = Endpoint("Debug.Load") { (request: HelloRequest, context) in
        let endpoint = context.overview.endpoints.first { $0.name == request.name }
        let overload = endpoint?.overload
        let refused = (overload?.refused ?? [:]).map { "\($0.key.rawValue)=\($0.value)" }.sorted()
        return HelloReply(
            message: overload.map {
                "\($0.inFlight) of \($0.limit.map(String.init) ?? "any"), \($0.queued) wait, refused: "
                    + refused.joined(separator: " ")
            } ?? "none")
    }.asInternal()

    private func refusal(_ client: TestClient, _ endpoint: String, name: String = "x") async -> MicroError? {
        do {
            _ = try await client.call(
                endpoint, HelloRequest(name: name), returning: HelloReply.self, options: Self.once)
            return nil
        } catch {
            return error
        }
    }

    private func statistics(_ client: TestClient, _ endpoint: String) async throws -> String {
        try await client.call(
            "/Debug/Load", HelloRequest(name: endpoint), returning: HelloReply.self
        ).message
    }

    @Test("refuses what it has no room for, with advice for the next attempt")
    func concurrency() async throws {
        let gate = Gate()
        let entered = Journal()
        let service = makeService(environment: ["MICRO_SERVER_OVERLOAD_QUEUE": "0"]) {
            held(gate, entered).limited(concurrency: 2)
            load
        }
        // A test run has its own configuration.
        try await service.test(configuration: ["server.overload.queue": "0"]) { client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for name in ["a", "b"] {
                    group.addTask {
                        #expect(await refusal(client, "Slow.Wait", name: name) == nil)
                    }
                }
                await entered.wait(for: 2)
                let error = try #require(await refusal(client, "Slow.Wait"))
                #expect(error.status == .unavailable && error.httpCode == 503 && error.id == "greeter")
                guard case .after(let pause)? = error.retryPushback else {
                    Issue.record("no pushback")
                    return
                }
                #expect((Duration.milliseconds(50)...Duration.milliseconds(150)).contains(pause))
                #expect(
                    try await statistics(client, "Slow.Wait") == "2 of 2, 0 wait, refused: concurrency=1")
                gate.open()
                try await group.waitForAll()
            }
            #expect(entered.lines.sorted() == ["a", "b"])
            #expect(try await statistics(client, "Slow.Wait") == "0 of 2, 0 wait, refused: concurrency=1")
            let warnings = client.log.filter { $0.level == .warning && "\($0.message)".contains("refused") }
            #expect(warnings.count == 1)
        }
    }

    @Test("lets calls wait for their turn")
    func queue() async throws {
        let gate = Gate()
        let entered = Journal()
        let service = makeService {
            held(gate, entered).limited(concurrency: 1)
            load
        }
        try await service.test { client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for name in ["a", "b", "c"] {
                    group.addTask {
                        #expect(await refusal(client, "Slow.Wait", name: name) == nil)
                    }
                    if name == "a" { await entered.wait(for: 1) }
                }
                while try await statistics(client, "Slow.Wait") != "1 of 1, 2 wait, refused: " {
                    try await Task.sleep(for: .milliseconds(2))
                }
                gate.open()
                try await group.waitForAll()
            }
            #expect(entered.lines.count == 3)
        }
    }

    @Test("refuses before anything is decoded")
    func early() async throws {
        let service = makeService { hello.limited(rate: .perSecond(0.001)) }
        try await service.test { client in
            #expect(await refusal(client, "Greeter.Hello") == nil)
            let error = await #expect(throws: MicroError.self) {
                _ = try await client.call("Greeter.Hello", bytes: Array("no JSON".utf8), options: Self.once)
            }
            #expect(error?.status == .resourceExhausted && error?.httpCode == 429)
            #expect(error?.retryPushback == .after(.milliseconds(65536)))
        }
    }

    @Test("gives each caller its share")
    func callers() async throws {
        let service = makeService { hello.limited(callerRate: .perSecond(0.001, burst: 2)) }
        try await service.test { client in
            func call(_ caller: String) async -> RPCStatus? {
                let options = CallOptions(metadata: ["Micro-From-Service": caller], retries: 0)
                do {
                    _ = try await client.call(
                        "Greeter.Hello", HelloRequest(name: "x"), returning: HelloReply.self,
                        options: options)
                    return nil
                } catch {
                    return error.status
                }
            }
            for caller in ["orders", "billing"] {
                let outcomes = [await call(caller), await call(caller), await call(caller)]
                #expect(outcomes == [nil, nil, .resourceExhausted])
            }
        }
    }

    @Test("limits all endpoints together, but no internal ones")
    func together() async throws {
        let limits = CallLimits(rate: .perSecond(0.001, burst: 2))
        let service = MicroService(
            "greeter", plugins: testPlugins, limits: limits, configuration: .test()
        ) {
            hello
            Endpoint("Greeter.Bye") { (request: HelloRequest, context) in HelloReply(message: "Bye") }
            load
        }
        try await service.test { client in
            #expect(await refusal(client, "Greeter.Hello") == nil)
            #expect(await refusal(client, "Greeter.Bye") == nil)
            #expect(await refusal(client, "Greeter.Hello")?.status == .resourceExhausted)
            for _ in 0..<20 { _ = try await statistics(client, "Greeter.Hello") }
            #expect(try await statistics(client, "Greeter.Bye") == "0 of any, 0 wait, refused: ")
            #expect(try await statistics(client, "Greeter.Hello") == "0 of any, 0 wait, refused: rate=1")
            #expect(try await statistics(client, "greeter.Debug.Load") == "none")
        }
    }

    @Test("has its limits from the configuration, which goes before code")
    func configured() async throws {
        let service = makeService {
            hello.limited(rate: .perSecond(1000))
            load
        }
        let configuration = [
            "server.limit.endpoints": "Greeter.Hello:concurrency=7:rate=0.001/1",
            "server.overload": "off",
        ]
        try await service.test(configuration: configuration) { client in
            #expect(await refusal(client, "Greeter.Hello") == nil)
            #expect(await refusal(client, "Greeter.Hello")?.status == .resourceExhausted)
            let statistics = try await statistics(client, "Greeter.Hello")
            #expect(statistics == "0 of 7, 0 wait, refused: rate=1")
        }
        try await makeService {
            hello
            load
        }.test(configuration: ["server.overload": "off"]) { client in
            let statistics = try await statistics(client, "Greeter.Hello")
            #expect(statistics == "none")
        }
    }

    @Test("bounds streams by set limits only, and doesn't let them wait")
    func streams() async throws {
        let gate = Gate()
        let entered = Journal()
        let service = makeService {
            Endpoint("Slow.Stream") {
                (request: HelloRequest, replies: MessageWriter<HelloReply>, context) in
                entered.add(request.name)
                await gate.wait()
                try await replies.write(HelloReply(message: request.name))
            }.limited(concurrency: 1)
        }
        try await service.test { client in
            try await withThrowingTaskGroup(of: Int?.self) { group in
                @Sendable func read() async throws -> Int {
                    try await client.microClient.stream(
                        "greeter", "Slow.Stream", HelloRequest(name: "x"), returning: HelloReply.self
                    ) { replies in
                        var count = 0
                        for try await _ in replies { count += 1 }
                        return count
                    }
                }
                group.addTask { try await read() }
                await entered.wait(for: 1)
                let error = await #expect(throws: MicroError.self) { _ = try await read() }
                #expect(error?.status == .unavailable)
                gate.open()
                let count = try await group.next() ?? nil
                #expect(count == 1)
            }
            #expect(entered.lines.count == 1)
        }
    }

    @Test(
        "does not start with limits that make no sense",
        arguments: [
            ("server.limit.concurrency", "0"), ("server.limit.concurrency", "-5"),
            ("server.limit.concurrency", "many"), ("server.limit.rate", "0"), ("server.limit.rate", "nan"),
            ("server.limit.rate", "5/0"), ("server.limit.caller.rate", "1e99"), ("server.overload", "maybe"),
            ("server.overload.floor", "0"), ("server.overload.queue", "-1"),
            ("server.limit.endpoints", "Greeter.Hello"), ("server.limit.endpoints", "Greeter.Hello:rate=0"),
            ("server.limit.endpoints", "Greeter.Hello:speed=5"),
            ("server.limit.endpoints", "Greeter.Nope:rate=5"), ("server.limit.endpoints", ":rate=5"),
        ])
    func nonsense(_ key: String, _ value: String) async throws {
        let error = await #expect(throws: StartError.self) {
            try await makeService { hello }.test(configuration: [key: value]) { _ in }
        }
        let message = try #require(error?.message)
        #expect(
            message.contains(key) || message.contains("MICRO_" + key.uppercased().replacing(".", with: "_")))
    }

    @Test(
        "does not start with limits in code that make no sense",
        arguments: [
            CallLimits(concurrency: 0), CallLimits(rate: .perSecond(0)), CallLimits(rate: .perSecond(.nan)),
            CallLimits(callerRate: .perSecond(1, burst: 0)), CallLimits(rate: .perSecond(-.infinity)),
        ])
    func nonsenseInCode(_ limits: CallLimits) async throws {
        let whole = MicroService("greeter", plugins: testPlugins, limits: limits, configuration: .test()) {
            hello
        }
        let single = makeService {
            hello.limited(
                concurrency: limits.concurrency, rate: limits.rate, callerRate: limits.callerRate)
        }
        for (service, owner) in [(whole, "the service"), (single, "the endpoint Greeter.Hello")] {
            let error = await #expect(throws: StartError.self) { try await service.test { _ in } }
            #expect(error?.message.contains(owner) == true)
        }
    }
}
