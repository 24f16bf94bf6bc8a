import InMemoryLogging
import Logging
import Micro
import MicroCore
import MicroServiceTesting
import Testing

@Suite("What callers learn of errors", .timeLimit(.minutes(2)))
struct ErrorTests {
    private struct Secret: Error, CustomStringConvertible { var description: String { "password is 42" } }

    private func failing(_ error: any Error & Sendable) -> MicroService {
        makeService {
            Endpoint("Greeter.Hello") { (request: HelloRequest, context) -> HelloReply in
                context.trailingMetadata["x-hint"] = "try later"
                throw error
            }
        }
    }

    private func outcome(_ error: any Error & Sendable) async throws -> MicroError {
        try await failing(error).test { client in
            await #expect(throws: MicroError.self) { try await client.microClient.hello() }
        } ?? MicroError(.ok, "")
    }

    @Test("a MicroError passes with trailing metadata, and with the service's id if it has none")
    func passes() async throws {
        let thrown = MicroError(.notFound, "no greeting")
        let caught = try await outcome(thrown)
        #expect(caught.status == .notFound)
        #expect(caught.detail == "no greeting")
        #expect(caught.id == "greeter")
        #expect(caught.trailingMetadata["x-hint"] == "try later")
        let named = try await outcome(MicroError(id: "my.id", httpCode: 418, detail: "teapot"))
        #expect(named.id == "my.id" && named.httpCode == 418)
    }

    @Test("another error's text stays in the log, under a reference")
    func hides() async throws {
        let (caught, log) = try await failing(Secret()).test { client in
            let error = await #expect(throws: MicroError.self) { try await client.microClient.hello() }
            return (try #require(error), client.log)
        }
        #expect(caught.id == "greeter" && caught.httpCode == 500 && caught.status == .internal)
        let reference = try #require(
            caught.detail.firstMatch(of: /^internal error \(reference ([0-9A-F]{8})\)$/))
        let entry = try #require(log.first { $0.level == .error })
        #expect(entry.metadata["error.message"] == "password is 42")
        #expect(entry.metadata["micro.error.reference"] == "\(reference.1)")
        #expect(entry.metadata["rpc.method"] == "Greeter.Hello")
    }

    @Test("the cause of an error is logged where it ends a call, and goes no further")
    func cause() async throws {
        let thrown = MicroError(.internal, "The order can't be stored.", cause: Secret())
        let (caught, log) = try await failing(thrown).test { client in
            let error = await #expect(throws: MicroError.self) { try await client.microClient.hello() }
            return (try #require(error), client.log)
        }
        #expect(caught.cause == nil)
        #expect(caught.detail == "The order can't be stored.")
        let entry = try #require(log.first { $0.level == .error })
        #expect(entry.metadata["micro.error.cause"] == "password is 42")
        #expect(entry.metadata["rpc.method"] == "Greeter.Hello")
        #expect(entry.metadata["micro.call.id"] != nil)
    }

    @Test("cancellation is cancelled")
    func cancelled() async throws {
        #expect(try await outcome(CancellationError()).status == .cancelled)
    }

    @Test("a request that can't be decoded says what is wrong")
    func undecodable() async throws {
        try await makeService { hello }.test { client in
            let error = try await #require(throws: MicroError.self) {
                try await client.microClient.callRaw(
                    "greeter", "Greeter.Hello", message: EncodedMessage(#"{"name":7}"#.utf8),
                    contentSubtype: "json")
            }
            #expect(error.httpCode == 400 && error.status == .invalidArgument && error.id == "greeter")
            #expect(error.detail.contains("Greeter.Hello") && error.detail.contains("name"))
        }
    }

    @Test("a request of a stream that can't be decoded says what is wrong")
    func undecodableInStream() async throws {
        let service = makeService {
            Endpoint("Math.Sum") { (requests: MessageStream<Number>, context) in
                for try await _ in requests {}
                return Number(value: 0)
            }
        }
        try await service.test { client in
            let error = try await #require(throws: MicroError.self) {
                try await client.microClient.streamRaw("greeter", "Math.Sum", contentSubtype: "json") {
                    stream in
                    try await stream.send(EncodedMessage("nonsense".utf8))
                    _ = try await stream.receive()
                }
            }
            #expect(error.httpCode == 400)
        }
    }

    @Test("a reply that can't be encoded is an internal error")
    func unencodable() async throws {
        let service = makeService {
            Endpoint("Math.Half") { (request: Number, context) in Double.infinity }
        }
        try await service.test { client in
            let error = try await #require(throws: MicroError.self) {
                try await client.microClient.call(
                    "greeter", "Math.Half", Number(value: 1), returning: Double.self)
            }
            #expect(error.httpCode == 500 && error.detail.contains("internal error (reference"))
        }
    }

    @Test("a reply that the client can't decode names the endpoint")
    func wrongReply() async throws {
        try await makeService { hello }.test { client in
            let error = try await #require(throws: MicroError.self) {
                try await client.microClient.call(
                    "greeter", "Greeter.Hello", HelloRequest(name: "x"), returning: Number.self)
            }
            #expect(error.id == "go.micro.client" && error.detail.contains("Greeter.Hello"))
        }
    }
}
