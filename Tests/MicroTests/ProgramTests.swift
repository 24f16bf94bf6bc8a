import Dispatch
import Logging
import Micro
import MicroCore
import MicroTestSupport
import ServiceLifecycle
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite("A service as a program, and as a part of one", .timeLimit(.minutes(2)))
struct ProgramTests {
    @Test("main() stops in order on SIGTERM")
    func signal() async throws {
        await #expect(processExitsWith: .success) {
            let journal = Journal()
            let service = makeService(transport: CapturingTransport(journal)) { hello }
            await service.onReady { _ in raiseTermination() }.main()
            #expect(journal.lines.contains("shut down"))
        }
    }

    @Test("run() leaves signals to others")
    func noSignals() async throws {
        await #expect(processExitsWith: .signal(SIGTERM)) {
            let service = makeService { hello }
            try await service.onReady { _ in raiseTermination() }.run()
        }
    }

    @Test("run() leaves the logging system to others")
    func noBootstrap() async throws {
        await #expect(processExitsWith: .success) {
            try await makeService { hello }.withRunning { _ in }
            // A second one would be fatal.
            LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
        }
    }

    @Test("main() ends a service whose handlers hold all threads and ignore everything")
    func deafHandlers() async throws {
        await #expect(processExitsWith: .exitCode(128 + SIGTERM)) {
            let started = Journal()
            let service = makeService(environment: ["MICRO_SERVER_DRAIN_TIMEOUT": "1ms"]) {
                Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
                    started.add("started")
                    while true { sleep(1000) }
                    return HelloReply(message: "never")
                }
            }
            await service.onReady { running in
                let client = running.client
                for _ in 0..<64 { Task { try? await client.hello() } }
                // The pool's threads are held, so this has one of its own.
                DispatchQueue(label: "signals").async {
                    while started.lines.isEmpty { usleep(1000) }
                    // Signals that come together count as one.
                    while true {
                        raiseTermination()
                        usleep(100_000)
                    }
                }
            }.main()
        }
    }

    @Test("main() forces a stop that takes too long, and ends the process of a service that ignores that")
    func limit() async throws {
        await #expect(processExitsWith: .exitCode(128 + SIGTERM)) {
            let started = Gate()
            let service = makeService(environment: ["MICRO_SERVER_DRAIN_TIMEOUT": "1ms"]) {
                Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
                    started.open()
                    while true { try? await Task.sleep(for: .milliseconds(1)) }
                    return HelloReply(message: "never")
                }
            }
            await service.onReady { running in
                let client = running.client
                Task { try? await client.hello() }
                await started.wait()
                raiseTermination()
            }.main(StopLimits(deregistration: .zero, cleanUp: .zero, forced: .milliseconds(10)))
        }
    }

    @Test("main() ends a service that has failed and then does not stop")
    func deafHook() async throws {
        await #expect(processExitsWith: .exitCode(1)) {
            let service = makeService(environment: ["MICRO_SERVER_DRAIN_TIMEOUT": "1ms"]) { hello }
            await service
                .onStart { _ in throw StartError(.unavailable, "No database.") }
                .onStop { _ in
                    while true { try? await Task.sleep(for: .milliseconds(1)) }
                }
                .main(StopLimits(deregistration: .zero, cleanUp: .zero, forced: .milliseconds(10)))
        }
    }

    @Test("a ServiceGroup shuts it down, and a second word forces that")
    func group() async throws {
        let journal = Journal()
        let started = Gate()
        let service = makeService(
            transport: CapturingTransport(journal), environment: ["MICRO_SERVER_DRAIN_TIMEOUT": "1h"]
        ) {
            Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
                started.open()
                try? await Task.sleep(for: .seconds(1_000_000))
                journal.add("cancelled \(Task.isCancelled)")
                return HelloReply(message: "never")
            }
        }.onReady { running in
            let client = running.client
            Task { try? await client.hello() }
            await started.wait()
            journal.add("ready")
        }
        var configuration = ServiceGroupConfiguration(services: [service], logger: Logger(label: "test"))
        configuration.maximumGracefulShutdownDuration = .milliseconds(50)
        let group = ServiceGroup(configuration: configuration)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try? await group.run() }
            await journal.wait(for: "ready")
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        await journal.wait(for: "cancelled true")
        #expect(journal.lines.contains("shut down"))
    }
}
