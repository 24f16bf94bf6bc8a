import Micro
import MicroCore
import MicroRegistryMemory
import MicroServiceTesting
import MicroTransportMemory
import Testing

@Suite("Finding endpoints by path", .timeLimit(.minutes(2)))
struct RouterTests {
    private func refusal(
        _ endpoint: String, subtype: String = "json",
        @ServiceBuilder _ components: () -> [any ServiceComponent] = { [hello] }
    ) async throws -> MicroError? {
        try await makeService("greeter", components).test { client in
            do {
                _ = try await client.microClient.callRaw(
                    "greeter", endpoint, message: EncodedMessage(#"{"name":"x"}"#.utf8),
                    contentSubtype: subtype)
                return nil
            } catch let error as MicroError {
                return error
            }
        }
    }

    @Test(
        "the package in front of the type does not matter",
        arguments: [
            "/Greeter/Hello", "/greeter.Greeter/Hello", "/any.pkg.Greeter/Hello", "Greeter.Hello",
        ])
    func packages(_ path: String) async throws {
        #expect(try await refusal(path) == nil)
    }

    @Test(
        "what is unknown is told as go-micro tells it",
        arguments: [
            ("/greeter.Nope/Hello", "unknown service Nope"),
            ("/greeter.Greeter/Nope", "unknown service Greeter.Nope"),
        ])
    func unknown(_ path: String, _ detail: String) async throws {
        let error = try #require(try await refusal(path))
        #expect(error.status == .unimplemented && error.detail == detail && error.id == "")
    }

    @Test(
        "an internal endpoint answers on its exact paths alone, as a proxy's path filter needs",
        arguments: [
            ("/Debug/Log", true), ("/greeter.Debug/Log", true), ("/grpc.health.v1.Health/Check", true),
            ("/foo.Debug/Log", false), ("/%67reeter.Debug/Log", false), ("/.Debug/Log", false),
            ("/greeter.greeter.Debug/Log", false), ("/GREETER.Debug/Log", false),
            ("/v1.Health/Check", false), ("/other.grpc.health.v1.Health/Check", false),
        ])
    func internalEndpoints(_ path: String, _ isServed: Bool) async throws {
        let router = try await capturedHandler {
            hello
            ComponentGroup {
                Endpoint("Debug.Log") { (request: HelloRequest, context) in HelloReply(message: "") }
                Endpoint("/grpc.health.v1.Health/Check") { (request: HelloRequest, context) in
                    HelloReply(message: "")
                }
            }.asInternal()
        }
        switch router.accept(CallHead(path: path, contentSubtype: "json")) {
        case .refuse(let error):
            #expect(!isServed && error.status == .unimplemented)
        default:
            #expect(isServed)
        }
    }

    @Test("a malformed path is an invalid argument", arguments: ["/", "//", "/a", "/a/b/c", "/a./b"])
    func malformed(_ path: String) async throws {
        let router = try await capturedHandler { hello }
        guard case .refuse(let error) = router.accept(CallHead(path: path)) else {
            Issue.record("accepted")
            return
        }
        #expect(error.status == .invalidArgument)
    }

    @Test("an endless path is refused without being echoed")
    func endless() async throws {
        let router = try await capturedHandler { hello }
        let path = "/" + String(repeating: "x", count: 100_000) + "/y"
        guard case .refuse(let error) = router.accept(CallHead(path: path)) else {
            Issue.record("accepted")
            return
        }
        #expect(error.detail.utf8.count < 200)
    }

    @Test("a short name that two packages have must be given with its package")
    func ambiguous() async throws {
        @Sendable func both() -> [any ServiceComponent] {
            [
                Endpoint("v1.Greeter.Hello") { (request: HelloRequest, context) in
                    HelloReply(message: context.endpoint)
                },
                Endpoint("/v2.Greeter/Hello") { (request: HelloRequest, context) in
                    HelloReply(message: context.endpoint)
                },
            ]
        }
        for path in ["/Greeter/Hello", "/greeter.Greeter/Hello", "/other.Greeter/Hello"] {
            let error = try #require(try await refusal(path) { both() })
            #expect(error.status == .unimplemented)
        }
        try await makeService { both() }.test { client in
            for version in ["v1", "v2"] {
                let reply = try await client.microClient.call(
                    "greeter", "/\(version).Greeter/Hello", HelloRequest(name: ""), returning: HelloReply.self
                )
                #expect(reply.message == "\(version).Greeter.Hello")
            }
        }
    }

    @Test("an unknown content subtype is told, with those that are served")
    func subtypes() async throws {
        for subtype in ["zzz", "", "proto"] {
            let error = try #require(try await refusal("Greeter.Hello", subtype: subtype))
            #expect(error.status == .unimplemented)
            #expect(error.detail.contains("serves json"))
        }
    }

    @Test(
        "names that can't be called stop the start",
        arguments: ["Hello", "", "a b.C", "/x", "Gre/eter.Hello"])
    func badNames(_ name: String) async throws {
        let service = makeService { Endpoint(name) { (request: Number, context) in request } }
        let error = try await #require(throws: StartError.self) { try await service.withRunning { _ in } }
        #expect(error.code == .invalidConfiguration && error.message.contains("\"\(name)\""))
    }

    @Test("an endpoint that is there twice stops the start")
    func twice() async throws {
        let service = makeService {
            hello
            hello
        }
        let error = try await #require(throws: StartError.self) { try await service.withRunning { _ in } }
        #expect(error.message.contains("Greeter.Hello"))
    }

    @Test("an endpoint that no codec serves stops the start, and the error says what to link")
    func noCodec() async throws {
        let service = MicroService(
            "greeter", registry: MemoryRegistry(), transport: MemoryTransport(), plugins: [],
            configuration: .test()
        ) { hello }
        let error = try await #require(throws: StartError.self) { try await service.withRunning { _ in } }
        #expect(error.code == .unknownPlugin)
        #expect(error.message.contains("Greeter.Hello") && error.message.contains("MicroCodecJSON"))
    }
}

/// The router of a service, as its transport gets it.
func capturedHandler(
    @ServiceBuilder _ components: () -> [any ServiceComponent]
) async throws -> any CallHandler {
    let transport = CapturingTransport()
    try await makeService("greeter", transport: transport, components).withRunning { _ in }
    return try #require(transport.handler)
}
