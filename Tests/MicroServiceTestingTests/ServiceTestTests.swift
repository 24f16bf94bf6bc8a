import InMemoryLogging
import Logging
import Micro
import MicroCodecJSON
import MicroCore
import MicroPluginKit
import MicroServiceTesting
import MicroTesting
import Synchronization
import Testing

struct HelloRequest: Codable, Sendable { var name: String }
struct HelloReply: Codable, Equatable, Sendable { var message: String }
struct Order: Codable, Equatable, Sendable { var id: String }

/// Plugins of this target's own choice: other test targets of the same program link more.
private let plugins: Plugins = [.jsonCodec]

private let hello = Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
    context.logger.debug("Greeting \(request.name).")
    return HelloReply(message: "Hello, \(request.name)!")
}

private func greeter(
    _ name: String = "greeter", @ServiceBuilder _ components: () -> [any ServiceComponent] = { [hello] }
) -> MicroService {
    MicroService(name, address: ":80", plugins: plugins, components)
}

/// What has happened, in order.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    func add(_ line: String) { lines.withLock { $0.append(line) } }
}

@Suite("Services in the process of their tests", .timeLimit(.minutes(2)))
struct ServiceTestTests {
    @Test("calls are typed, or bytes")
    func calls() async throws {
        try await greeter().test { client in
            let reply = try await client.call(
                "Greeter.Hello", HelloRequest(name: "John"), returning: HelloReply.self)
            #expect(reply == HelloReply(message: "Hello, John!"))
            let raw = try await client.call("Greeter.Hello", bytes: Array(#"{"name":"Jane"}"#.utf8))
            #expect(String(decoding: raw.message.bytes, as: UTF8.self) == #"{"message":"Hello, Jane!"}"#)
            let error = await #expect(throws: MicroError.self) {
                try await client.call("Greeter.Hello", bytes: Array("?".utf8))
            }
            #expect(error?.httpCode == 400)
            #expect(client.service.identity.name == "greeter")
        }
    }

    @Test("services of one name do not meet, and their addresses do not either")
    func apart() async throws {
        try await greeter().test { first in
            try await greeter { Endpoint("Other.Get") { (id: Order, context) in id } }.test { second in
                let order = try await second.call("Other.Get", Order(id: "1"), returning: Order.self)
                #expect(order.id == "1")
                let error = await #expect(throws: MicroError.self) {
                    try await second.call(
                        "Greeter.Hello", HelloRequest(name: "x"), returning: HelloReply.self)
                }
                #expect(error?.status == .unimplemented)
            }
            let reply = try await first.call(
                "Greeter.Hello", HelloRequest(name: "x"), returning: HelloReply.self)
            #expect(reply.message == "Hello, x!")
        }
    }

    @Test("services beside it answer its calls")
    func beside() async throws {
        let fake = greeter("billing") { Endpoint("Billing.Charge") { (order: Order, context) in order } }
        let shop = greeter("shop") {
            Endpoint("Shop.Buy") { (order: Order, context) in
                try await context.client.call("billing", "Billing.Charge", order, returning: Order.self)
            }
        }
        try await shop.test(beside: [fake]) { client in
            let order = try await client.call("Shop.Buy", Order(id: "7"), returning: Order.self)
            #expect(order.id == "7")
        }
    }

    @Test("events are kept, and delivered again until they are acknowledged")
    func events() async throws {
        let attempts = Lines()
        let shop = greeter("shop") {
            Subscriber("orders", delivery: .atLeastOnce) { (order: Order, context) in
                attempts.add("\(context.attempt)")
                if context.attempt < 3 { throw MicroError(.unavailable, "Not yet.") }
                try await context.publish("invoices", Order(id: "invoice of \(order.id)"))
            }
        }
        try await shop.test { client in
            try await client.publish("orders", Order(id: "17"))
            let invoice = try await client.nextEvent("invoices", as: Order.self)
            #expect(invoice == Order(id: "invoice of 17"))
            #expect(client.events.of("orders").count == 1)
            #expect(client.events.all.map(\.topic) == ["orders", "invoices"])
            let none = await #expect(throws: MicroError.self) {
                try await client.nextEvent("invoices", as: Order.self, within: .milliseconds(1))
            }
            #expect(none?.status == .deadlineExceeded)
            try await client.publish("invoices", "text")
            let wrong = await #expect(throws: MicroError.self) {
                try await client.nextEvent("invoices", as: Order.self)
            }
            #expect(wrong?.status == .invalidArgument)
        }
        #expect(attempts.all == ["1", "2", "3"])
    }

    @Test("the log is kept, at every level")
    func log() async throws {
        try await greeter().test { client in
            _ = try await client.call(
                "Greeter.Hello", HelloRequest(name: "John"), returning: HelloReply.self)
            let line = client.log.first { "\($0.message)" == "Greeting John." }
            #expect(line?.metadata["rpc.method"] == "Greeter.Hello")
        }
    }

    @Test("calls go wrong where they should, and as often")
    func faults() async throws {
        let shop = greeter("shop") {
            hello
            Endpoint("Shop.Buy") { (order: Order, context) in
                try await context.client.call("billing", "Billing.Charge", order, returning: Order.self)
            }
        }
        try await shop.test { client in
            client.faults.add(
                .error(MicroError(.resourceExhausted, "Enough.")), to: "Greeter.Hello", times: 1)
            let first = await #expect(throws: MicroError.self) {
                try await client.call(
                    "Greeter.Hello", HelloRequest(name: "x"), returning: HelloReply.self)
            }
            #expect(first?.status == .resourceExhausted)
            _ = try await client.call("Greeter.Hello", HelloRequest(name: "x"), returning: HelloReply.self)

            client.faults.add(
                .error(MicroError(.dataLoss, "Lost.")), toCallsOf: "Billing.Charge", at: "billing")
            let lost = await #expect(throws: MicroError.self) {
                try await client.call("Shop.Buy", Order(id: "1"), returning: Order.self)
            }
            #expect(lost?.status == .dataLoss)
            client.faults.removeAll()

            client.faults.add(.latency(.seconds(3600)), to: "Greeter.Hello")
            let slow = await #expect(throws: MicroError.self) {
                try await client.call(
                    "Greeter.Hello", HelloRequest(name: "x"), returning: HelloReply.self,
                    options: .timeout(.milliseconds(20)))
            }
            #expect(slow?.status == .deadlineExceeded)
        }
    }

    @Test("an overloaded service refuses what is above its capacity, and says when to come again")
    func overload() async throws {
        let (started, go) = (Latch(), Latch())
        let slow = greeter {
            Endpoint("Greeter.Hello") { (request: HelloRequest, context) in
                started.open()
                await go.wait()
                return HelloReply(message: "Hello, \(request.name)!")
            }
        }
        try await slow.test { client in
            @Sendable func call() async throws -> String {
                try await client.call(
                    "Greeter.Hello", HelloRequest(name: "x"), returning: HelloReply.self,
                    options: CallOptions(retry: .never)
                ).message
            }
            client.faults.add(.overload(capacity: 1, pushback: .milliseconds(1500)), to: "Greeter.Hello")
            async let first = call()
            await started.wait()
            let refused = await #expect(throws: MicroError.self) { _ = try await call() }
            #expect(refused?.status == .unavailable)
            #expect(refused?.retryPushback == .after(.milliseconds(1500)))
            go.open()
            let reply = try await first
            #expect(reply == "Hello, x!")
            // The one that has ended leaves its place.
            #expect(try await call() == "Hello, x!")
            client.faults.removeAll()
            client.faults.add(.overload(), to: "Greeter.Hello", times: 1)
            await #expect(throws: MicroError.self) { _ = try await call() }
            #expect(try await call() == "Hello, x!")
        }
    }

    @Test("time passes as the test lets it")
    func time() async throws {
        let clock = ManualClock()
        let lines = Lines()
        try await greeter().test(clock: clock) { client in
            client.faults.add(.latency(.seconds(3600)), to: "Greeter.Hello")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let reply = try await client.call(
                        "Greeter.Hello", HelloRequest(name: "x"), returning: HelloReply.self)
                    lines.add(reply.message)
                }
                // The service's registration and the two clients' sweeps sleep as well.
                await clock.waitForSleepers(4)
                lines.add("now")
                clock.advance(by: .seconds(3600))
                try await group.waitForAll()
            }
        }
        #expect(lines.all == ["now", "Hello, x!"])
    }

    @Test("hooks and services beside it run, and what fails is the test's error")
    func lifecycle() async throws {
        let lines = Lines()
        struct Broken: Error, Equatable {}
        let service = greeter()
            .onStart { _ in lines.add("start") }
            .onStop { _ in lines.add("stop") }
        await #expect(throws: Broken()) {
            try await service.test { _ in
                lines.add("test")
                throw Broken()
            }
        }
        #expect(lines.all == ["start", "test", "stop"])
        await #expect(throws: Broken()) {
            try await greeter().onStart { _ in throw Broken() }.test { _ in }
        }
        let error = await #expect(throws: StartError.self) {
            try await MicroService("x", plugins: []) { hello }.test { _ in }
        }
        #expect(error?.message.contains("no codec is linked") == true)
    }
}
