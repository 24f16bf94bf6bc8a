import Micro
import MicroCore
import MicroHealth
import MicroProtobuf
import MicroRegistryMemory
import SwiftProtobuf
import Synchronization
import Testing

/// `grpc.health.v1` of a service.
@Suite(.timeLimit(.minutes(1))) struct HealthTests {
    typealias Status = Grpc_Health_V1_HealthCheckResponse.ServingStatus

    @Test func servesOnceRegistered() async throws {
        try await makeService { Shapes() }.withRunning { running in
            let health = Grpc_Health_V1_Health.Client(running.client, service: "shapes")
            for name in ["", "shapes", "shapes.v1.AllShapes", "grpc.health.v1.Health"] {
                #expect(try await health.check(.with { $0.service = name }).status == .serving, "\(name)")
            }
            let error = await #expect(throws: MicroError.self) {
                try await health.check(.with { $0.service = "other" })
            }
            #expect(error?.status == .notFound)
            let list = try await health.list(.init())
            #expect(list.statuses["shapes.v1.AllShapes"]?.status == .serving)
            #expect(list.statuses[""]?.status == .serving)
        }
    }

    @Test func takesTheApplicationsStates() async throws {
        let states = Health()
        let service = makeService {
            Shapes()
            states
        }
        try await service.withRunning { running in
            let health = Grpc_Health_V1_Health.Client(running.client, service: "shapes")
            let request = Grpc_Health_V1_HealthCheckRequest.with { $0.service = "shapes.v1.AllShapes" }
            try await health.watch(request) { replies in
                let first = try await replies.next()
                #expect(first?.status == .serving)
                states.set(.notServing, for: "shapes.v1.AllShapes")
                let second = try await replies.next()
                #expect(second?.status == .notServing)
                let whole = try await health.check(.init())
                #expect(whole.status == .serving)
                states.set(nil, for: "shapes.v1.AllShapes")
                let third = try await replies.next()
                #expect(third?.status == .serving)
            }
            states.set(.notServing)
            #expect(try await health.check(.with { $0.service = "shapes" }).status == .notServing)
        }
    }

    @Test func watchTellsUnknownServices() async throws {
        let states = Health()
        try await makeService { states }.withRunning { running in
            let health = Grpc_Health_V1_Health.Client(running.client, service: "shapes")
            try await health.watch(.with { $0.service = "later" }) { replies in
                let first = try await replies.next()
                #expect(first?.status == .serviceUnknown)
                states.set(.serving, for: "later")
                let second = try await replies.next()
                #expect(second?.status == .serving)
            }
        }
    }

    /// A watcher is told that the service stops, and does not keep it from stopping.
    @Test func watchTellsTheEnd() async throws {
        let seen = Seen()
        let registry = MemoryRegistry()
        let service = makeService(
            registry: registry,
            environment: ["MICRO_SERVER_DRAIN_TIMEOUT": "60s", "MICRO_SERVER_DEREGISTRATION_DELAY": "50ms"]
        ) { Shapes() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (ready, isReady) = AsyncStream.makeStream(of: MicroClient.self)
            let (watching, isWatching) = AsyncStream.makeStream(of: Void.self)
            group.addTask {
                try await service.onReady { isReady.yield($0.client) }.run()
            }
            var clients = ready.makeAsyncIterator()
            let client = try #require(await clients.next())
            let health = Grpc_Health_V1_Health.Client(client, service: "shapes")
            let watcher = Task { @Sendable in
                try await health.watch(.init()) { replies in
                    for try await reply in replies {
                        seen.statuses.withLock { $0.append(reply.status) }
                        isWatching.yield()
                    }
                }
            }
            var signals = watching.makeAsyncIterator()
            await signals.next()
            group.cancelAll()
            try await group.waitForAll()
            await #expect(throws: MicroError.self) { try await watcher.value }
        }
        #expect(seen.statuses.withLock(\.self) == [.serving, .notServing])
    }

    private final class Seen: Sendable {
        let statuses = Mutex<[Status]>([])
    }

    @Test func canBeSwitchedOff() async throws {
        try await makeService(environment: ["MICRO_HEALTH": "off"]) { Shapes() }.withRunning { running in
            let health = Grpc_Health_V1_Health.Client(running.client, service: "shapes")
            let error = await #expect(throws: MicroError.self) { try await health.check(.init()) }
            #expect(error?.status == .unimplemented)
        }
        let wrong = makeService(environment: ["MICRO_HEALTH": "sometimes"]) { Shapes() }
        let error = await #expect(throws: StartError.self) { try await wrong.withRunning { _ in } }
        #expect(error?.message.contains("MICRO_HEALTH is \"sometimes\"") == true)
    }

    /// An application's own endpoint goes first, whatever its package, and keeps its short name.
    @Test func yieldsToTheApplication() async throws {
        let service = makeService {
            Micro.Endpoint("/grpc.health.v1.Health/Check") {
                (request: Grpc_Health_V1_HealthCheckRequest, context: RequestContext) in
                Grpc_Health_V1_HealthCheckResponse.with { $0.status = .unknown }
            }
            Micro.Endpoint("Debug.Stats") { (request: Shapes_V1_Text, context: RequestContext) in
                text("mine")
            }
        }
        try await service.withRunning { running in
            let health = Grpc_Health_V1_Health.Client(running.client, service: "shapes")
            #expect(try await health.check(.init()).status == .unknown)
            let mine = try await running.client.call(
                "shapes", "Debug.Stats", text(""), returning: Shapes_V1_Text.self)
            #expect(mine.text == "mine")
            #expect(running.record.endpoints?.map(\.name).sorted() == ["Debug.Stats", "Health.Check"])
        }
    }

    /// Middleware of the application, such as one that asks for a token, is not for the infrastructure.
    @Test func middlewareLeavesItAlone() async throws {
        struct Refuse: ServerMiddleware {
            func handle<Answer: Sendable>(
                _ context: RequestContext, next: Next<Answer>
            ) async throws -> Answer { throw MicroError(.unauthenticated, "no token") }
        }
        try await makeService(middleware: [.server(Refuse())]) { Shapes() }.withRunning { running in
            let shapes = Shapes_V1_AllShapes.Client(running.client, service: "shapes")
            await #expect(throws: MicroError.self) { try await shapes.single(text("a")) }
            let health = Grpc_Health_V1_Health.Client(running.client, service: "shapes")
            let reply = try await health.check(.init())
            #expect(reply.status == .serving)
        }
    }
}
