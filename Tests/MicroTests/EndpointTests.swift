import Micro
import MicroCore
import MicroServiceTesting
import Testing

@Suite("Endpoints of all shapes, called through a client", .timeLimit(.minutes(2)))
struct EndpointTests {
    @Test("a unary call")
    func unary() async throws {
        try await makeService { hello }.test { client in
            let result = try await client.microClient.hello("Ada")
            #expect(result == "Hello, Ada!")
        }
    }

    @Test("a caller that gives up is no sign that the service stops")
    func untilDraining() async throws {
        let (journal, gate) = (Journal(), Gate())
        let service = makeService {
            Endpoint("Math.Wait") { (request: Number, context) in
                do {
                    try await context.overview.untilDraining {
                        await withTaskCancellationHandler {
                            journal.add("begin")
                            await gate.wait()
                        } onCancel: {
                            journal.add("cancelled")
                        }
                    }
                } catch {
                    journal.add("\(type(of: error))")
                }
                return request
            }
        }
        try await service.test { client in
            await withTaskGroup { group in
                group.addTask {
                    _ = try? await client.microClient.call(
                        "greeter", "Math.Wait", Number(value: 1), returning: Number.self)
                }
                await journal.wait(for: 1)
                group.cancelAll()
            }
            await journal.wait(for: 2)
            try await Task.sleep(for: .milliseconds(100))
            gate.open()
            await journal.wait(for: 3)
        }
        #expect(journal.lines == ["begin", "cancelled", "CancellationError"])
    }

    @Test("a method is prepared once and used often")
    func method() async throws {
        let method = RPCMethod<HelloRequest, HelloReply>("greeter", "Greeter.Hello")
        for _ in 0..<2 {
            // The second turn is another client: what the method kept of the first does not count.
            try await makeService { hello }.test { client in
                for name in ["Ada", "Bo"] {
                    let reply = try await client.microClient.call(method, HelloRequest(name: name))
                    #expect(reply.message == "Hello, \(name)!")
                }
            }
        }
    }

    @Test("one request, many replies")
    func serverStream() async throws {
        let service = makeService {
            Endpoint("Math.Count") { (request: Number, replies: MessageWriter<Number>, context) in
                try await replies.write(contentsOf: (1...request.value).map(Number.init))
            }
        }
        try await service.test { client in
            let values = try await client.microClient.stream(
                "greeter", "Math.Count", Number(value: 100), returning: Number.self
            ) { replies in
                var values: [Int] = []
                for try await reply in replies { values.append(reply.value) }
                return values
            }
            #expect(values == Array(1...100))
        }
    }

    @Test("many requests, one reply")
    func clientStream() async throws {
        let service = makeService {
            Endpoint("Math.Sum") { (requests: MessageStream<Number>, context) in
                var sum = 0
                for try await request in requests { sum += request.value }
                return Number(value: sum)
            }
        }
        try await service.test { client in
            let sum = try await client.microClient.stream(
                "greeter", "Math.Sum", sending: Number.self, returning: Number.self
            ) { requests in
                try await requests.write(contentsOf: (1...50).map(Number.init))
            }
            #expect(sum == Number(value: 1275))
        }
    }

    @Test("many requests, many replies, in turn")
    func bidirectional() async throws {
        let service = makeService {
            Endpoint("Math.Double") {
                (requests: MessageStream<Number>, replies: MessageWriter<Number>, context) in
                for try await request in requests {
                    try await replies.write(Number(value: request.value * 2))
                }
            }
        }
        try await service.test { client in
            try await client.microClient.stream(
                "greeter", "Math.Double", sending: Number.self, returning: Number.self
            ) { requests, replies in
                for value in 1...3 {
                    try await requests.write(Number(value: value))
                    #expect(try await replies.next() == Number(value: value * 2))
                }
                try await requests.finish()
                #expect(try await replies.next() == nil)
            }
        }
    }

    @Test("a closure that leaves early cancels the call")
    func leavingEarly() async throws {
        let journal = Journal()
        let service = makeService {
            Endpoint("Clock.Tick") { (request: Number, replies: MessageWriter<Number>, context) in
                do {
                    while true { try await replies.write(request) }
                } catch {
                    // The writer may learn of the end before the task is cancelled, which ends the sleep.
                    try? await Task.sleep(for: .seconds(60))
                    journal.add("\(Task.isCancelled) \(error is MicroError)")
                    throw error
                }
            }
        }
        try await service.test { client in
            try await client.microClient.stream(
                "greeter", "Clock.Tick", Number(value: 1), returning: Number.self
            ) { replies in
                let result = try await replies.next()
                #expect(result == Number(value: 1))
            }
            await journal.wait(for: 1)
        }
        #expect(journal.lines == ["true true"])
    }

    @Test("metadata travels both ways")
    func metadata() async throws {
        let service = makeService {
            Endpoint("Meta.Echo") { (request: Number, context) in
                context.responseMetadata["x-from"] = context.metadata["micro-from-service"]
                context.trailingMetadata["x-tail"] = context.metadata["X-Tenant"]
                return request
            }
            Endpoint("Meta.Stream") { (request: Number, replies: MessageWriter<Number>, context) in
                context.responseMetadata["x-first"] = "1"
                try await replies.write(request)
                context.trailingMetadata["x-last"] = "2"
            }
        }
        try await service.test { client in
            let reply = try await client.service.client.callRaw(
                "greeter", "Meta.Echo", message: EncodedMessage(#"{"value":1}"#.utf8), contentSubtype: "json",
                options: .metadata(["x-tenant": "acme"]))
            #expect(reply.message.bytes == Array(#"{"value":1}"#.utf8))
            #expect(reply.metadata["x-from"] == "greeter")
            #expect(reply.trailingMetadata["x-tail"] == "acme")
            try await client.microClient.streamRaw("greeter", "Meta.Stream", contentSubtype: "json") {
                stream in
                try await stream.send(EncodedMessage(#"{"value":1}"#.utf8))
                try await stream.finish()
                #expect(try await stream.metadata()["x-first"] == "1")
                while try await stream.receive() != nil {}
                #expect(stream.trailingMetadata["x-last"] == "2")
            }
        }
    }

    @Test("the deadline reaches the handler, and bounds the calls that it makes")
    func deadline() async throws {
        let service = makeService {
            Endpoint("Time.Left") { (request: Number, context) in
                guard context.endpoint == "Time.Left", let deadline = context.deadline else { return request }
                let inner = try await context.client.call(
                    "greeter", "Time.Inner", request, returning: Number.self,
                    options: .timeout(.seconds(1000)))
                return Number(value: ContinuousClock.now < deadline ? inner.value : -1)
            }
            Endpoint("Time.Inner") { (request: Number, context) in
                let left = context.deadline.map { $0 - .now } ?? .seconds(5000)
                return Number(value: Int(left.components.seconds))
            }
        }
        try await service.test { client in
            let reply = try await client.microClient.call(
                "greeter", "Time.Left", Number(value: 0), returning: Number.self,
                options: .timeout(.seconds(500)))
            #expect(reply.value > 0 && reply.value <= 500)
        }
    }

    @Test("components can be built with conditions, loops and groups")
    func builder() async throws {
        let isOn = true
        let service = makeService {
            if isOn { hello }
            for number in 1...3 {
                Endpoint("Numbers.Get\(number)") { (request: Number, context) in Number(value: number) }
            }
            [Endpoint("Extra.One") { (request: Number, context) in request }]
            ComponentGroup {
                Endpoint("Grouped.One") { (request: Number, context) in request }
            }
            OwnGroup()
        }
        try await service.test { client in
            #expect(
                client.service.record.endpoints?.map(\.name) == [
                    "Extra.One", "Greeter.Hello", "Grouped.One", "Numbers.Get1", "Numbers.Get2",
                    "Numbers.Get3", "Own.One",
                ])
            let reply = try await client.microClient.call(
                "greeter", "Numbers.Get2", Number(value: 0), returning: Number.self)
            #expect(reply.value == 2)
        }
    }
}

private struct OwnGroup: ServiceComponent {
    func contribute(to contents: inout ServiceContents) {
        contents.add(Endpoint("Own.One") { (request: Number, context) in request })
    }
}
