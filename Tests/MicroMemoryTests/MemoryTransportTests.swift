import MicroCore
import MicroTesting
import MicroTransportMemory
import Testing

extension PluginContext {
    static func forTests(role: String) -> PluginContext { .testing(role: role) }
}

@Suite(.timeLimit(.minutes(2))) struct MemoryTransportTests {
    struct Echo: CallHandler {
        func accept(_ head: CallHead) -> CallDecision {
            .unary({ _, message in UnaryReply(message) }, ExecutionPolicy())
        }
    }

    private let transport = MemoryTransport()

    private func connect(_ listener: any Listener) async throws -> any Connection {
        try await transport.connect(
            to: Node(id: "a", address: listener.address.nodeAddress), as: .service("x"))
    }

    @Test func namesAreChosenAndGivenBack() async throws {
        let first = try await transport.listen(on: .host("", port: 0), handler: Echo())
        let second = try await transport.listen(on: .host("", port: 0), handler: Echo())
        #expect(first.address.named?.scheme == "memory" && first.address.hostPort == nil)
        #expect(first.address != second.address)
        await first.shutdown(deadline: .now)
        let third = try await transport.listen(on: first.address, handler: Echo())
        #expect(third.address == first.address)
        for listener in [second, third] { await listener.shutdown(deadline: .now) }
    }

    @Test func everyAddressIsAName() async throws {
        for address in [
            ListenAddress.named("inbox", scheme: "memory"), .host("inbox", port: 7),
            .unixSocket("/run/inbox"),
        ] {
            let listener = try await transport.listen(on: address, handler: Echo())
            #expect(listener.address == .named(address.nodeAddress, scheme: "memory"))
            let connection = try await connect(listener)
            #expect(
                try await connection.unary(CallHead(path: "/a/b"), EncodedMessage([1])).message
                    == EncodedMessage([1]))
            await listener.shutdown(deadline: .now)
            #expect(!connection.isUsable)
        }
    }

    @Test func anotherTransportsNameIsRefused() async throws {
        let error = await #expect(throws: StartError.self) {
            try await transport.listen(on: .named("orders", scheme: "nats"), handler: Echo())
        }
        #expect(error?.code == .address && error?.message.contains("nats:orders") == true)
    }

    @Test func callersAreOnTheSameMachine() async throws {
        struct Locality: CallHandler {
            func accept(_ head: CallHead) -> CallDecision {
                let isLocal = head.peer?.isLocal == true
                return .unary({ _, _ in UnaryReply(EncodedMessage([isLocal ? 1 : 0])) }, ExecutionPolicy())
            }
        }
        let listener = try await transport.listen(on: .host("", port: 0), handler: Locality())
        let connection = try await connect(listener)
        #expect(
            try await connection.unary(CallHead(path: "/a/b"), EncodedMessage([])).message
                == EncodedMessage([1]))
        await listener.shutdown(deadline: .now)
    }

    @Test func messagesAreHandedOverWithoutACopy() async throws {
        let listener = try await transport.listen(on: .host("", port: 0), handler: Echo())
        let connection = try await connect(listener)
        let message = EncodedMessage([UInt8](repeating: 1, count: 1000))
        let reply = try await connection.unary(CallHead(path: "/a/b"), message)
        // The address of the bytes, which is compared and never followed.
        func place(_ message: EncodedMessage) -> UInt {
            message.withBytes { $0.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) } }
        }
        #expect(place(reply.message) == place(message))
        await listener.shutdown(deadline: .now)
    }

    @Test func twoReadersAreToldApart() async throws {
        struct Silent: CallHandler {
            func accept(_ head: CallHead) -> CallDecision {
                .stream(
                    { (_, stream) async throws(MicroError) -> Metadata in
                        _ = try await stream.receive()
                        return [:]
                    }, ExecutionPolicy())
            }
        }
        let listener = try await transport.listen(on: .host("", port: 0), handler: Silent())
        let call = try await connect(listener).open(CallHead(path: "/a/b"))
        let errors = await withTaskGroup(of: RPCStatus?.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    do throws(MicroError) {
                        _ = try await call.receive()
                        return nil
                    } catch {
                        return error.status
                    }
                }
            }
            let first = await group.next()
            call.cancel()
            return [first, await group.next()]
        }
        #expect(errors == [.internal, .cancelled])
        await listener.shutdown(deadline: .now)
    }

    @Test func aHandlersChildTaskCanBeCancelledAlone() async throws {
        struct Impatient: CallHandler {
            func accept(_ head: CallHead) -> CallDecision {
                .stream(
                    { (_, stream) async throws(MicroError) -> Metadata in
                        await withTaskGroup { group in
                            group.addTask { _ = try? await stream.receive() }
                            group.cancelAll()
                        }
                        while let message = try await stream.receive() { try await stream.send(message) }
                        return [:]
                    }, ExecutionPolicy())
            }
        }
        let listener = try await transport.listen(on: .host("", port: 0), handler: Impatient())
        let call = try await connect(listener).open(CallHead(path: "/a/b"))
        for number: UInt8 in 0..<3 { try await call.send(EncodedMessage([number])) }
        try await call.finish()
        var received = 0
        while try await call.receive() != nil { received += 1 }
        // The cancelled task may have read one before it was cancelled.
        #expect(received >= 2)
        await listener.shutdown(deadline: .now)
    }

    @Test func thePluginIsLinked() throws {
        let plugin = try Plugins.linked.choose(PluginRole<any Transport>.transport, name: "memory")
        let made = try plugin.make(as: .transport, context: .forTests(role: "transport"))
        #expect(made.nodeProtocol == NodeProtocol(protocol: "memory", transport: "memory"))
    }
}
