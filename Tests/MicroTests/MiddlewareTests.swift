import Micro
import MicroCore
import MicroServiceTesting
import Testing

private struct Note: ServerMiddleware {
    let name: String
    let journal: Journal

    func handle<Answer: Sendable>(
        _ context: RequestContext, next: Next<Answer>
    ) async throws -> Answer {
        journal.add("\(name) > \(context.endpoint)")
        do {
            let answer = try await next()
            journal.add("\(name) < ok")
            return answer
        } catch {
            journal.add("\(name) < \((error as? MicroError)?.httpCode ?? 0)")
            throw error
        }
    }
}

private struct RequireToken: ServerMiddleware {
    func handle<Answer: Sendable>(
        _ context: RequestContext, next: Next<Answer>
    ) async throws -> Answer {
        guard context.metadata["authorization"] == "Bearer 42" else {
            throw MicroError(.unauthenticated, "no token")
        }
        return try await next()
    }
}

private struct Shout: ServerMessageMiddleware {
    func handle<Request: Sendable, Response: Sendable>(
        _ request: Request, _ context: RequestContext, next: NextHandler<Request, Response>
    ) async throws -> Response {
        guard var hello = request as? HelloRequest else { return try await next(request) }
        hello.name = hello.name.uppercased()
        return try await next(hello as? Request ?? request)
    }
}

private struct AddTenant: ClientMiddleware {
    func handle<Answer>(
        _ call: OutgoingCall, next: NextCall<Answer>
    ) async throws -> Answer {
        var call = call
        call.metadata["tenant"] = "\(call.service) \(call.endpoint) \(call.shape.isStream)"
        return try await next(call)
    }
}

@Suite("Middleware", .timeLimit(.minutes(2)))
struct MiddlewareTests {
    @Test("the first is the outermost, and sees the canonical name and what can't be decoded")
    func order() async throws {
        let journal = Journal()
        let service = makeService(
            middleware: [
                .server(Note(name: "a", journal: journal)), .server(Note(name: "b", journal: journal)),
            ]
        ) { hello }
        try await service.test { client in
            _ = try await client.microClient.call(
                "greeter", "/odd.pkg.Greeter/Hello", HelloRequest(name: "x"), returning: HelloReply.self)
            _ = try? await client.microClient.callRaw(
                "greeter", "Greeter.Hello", message: EncodedMessage("?".utf8), contentSubtype: "json")
        }
        #expect(
            journal.lines == [
                "a > Greeter.Hello", "b > Greeter.Hello", "b < ok", "a < ok",
                "a > Greeter.Hello", "b > Greeter.Hello", "b < 400", "a < 400",
            ])
    }

    @Test("it runs around streams as well")
    func streams() async throws {
        let journal = Journal()
        let service = makeService(middleware: [.server(Note(name: "a", journal: journal))]) {
            Endpoint("S.Server") { (request: Number, replies: MessageWriter<Number>, context) in
                try await replies.write(request)
            }
            Endpoint("S.Client") { (requests: MessageStream<Number>, context) in
                try await requests.next() ?? Number(value: 0)
            }
            Endpoint("S.Both") { (requests: MessageStream<Number>, replies: MessageWriter<Number>, context) in
                throw MicroError(.notFound, "nothing")
            }
        }
        try await service.test { test in
            let client = test.microClient
            try await client.stream("greeter", "S.Server", Number(value: 1), returning: Number.self) {
                replies in
                for try await _ in replies {}
            }
            _ = try await client.stream(
                "greeter", "S.Client", sending: Number.self, returning: Number.self
            ) { try await $0.write(Number(value: 1)) }
            await #expect(throws: MicroError.self) {
                try await client.stream("greeter", "S.Both", sending: Number.self, returning: Number.self) {
                    _, replies in
                    _ = try await replies.next()
                }
            }
        }
        #expect(
            journal.lines == ["a > S.Server", "a < ok", "a > S.Client", "a < ok", "a > S.Both", "a < 404"])
    }

    @Test("it can refuse, and be scoped")
    func scope() async throws {
        let service = makeService(middleware: [.server(RequireToken().only("Greeter.Hello"))]) {
            hello
            Endpoint("Open.Get") { (request: Number, context) in request }
        }
        try await service.test { test in
            let client = test.microClient
            let error = try await #require(throws: MicroError.self) { try await client.hello() }
            #expect(error.status == .unauthenticated)
            let reply = try await client.hello(options: .metadata(["authorization": "Bearer 42"]))
            #expect(reply == "Hello, world!")
            let open = try await client.call(
                "greeter", "Open.Get", Number(value: 1), returning: Number.self)
            #expect(open.value == 1)
        }
    }

    @Test("message middleware sees and replaces decoded requests")
    func messages() async throws {
        try await makeService(middleware: [.messages(Shout())]) { hello }.test { client in
            let result = try await client.microClient.hello("ada")
            #expect(result == "Hello, ADA!")
        }
    }

    @Test("client middleware changes calls of the services that it is for")
    func client() async throws {
        let service = makeService(middleware: [.client(AddTenant().only(services: "greeter"))]) {
            Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
                HelloReply(message: context.metadata["tenant"] ?? "none")
            }
            Endpoint("Greeter.Both") {
                (requests: MessageStream<Number>, replies: MessageWriter<HelloReply>, context) in
                try await replies.write(HelloReply(message: context.metadata["tenant"] ?? "none"))
            }
        }
        try await service.withRunning { running in
            #expect(try await running.client.hello() == "greeter Greeter.Hello false")
            let reply = try await running.client.stream(
                "greeter", "Greeter.Both", sending: Number.self, returning: HelloReply.self
            ) { _, replies in try await replies.next() }
            #expect(reply?.message == "greeter Greeter.Both true")
        }
    }
}
