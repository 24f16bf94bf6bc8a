import ArgumentParser
import MicroBrokerNATS
import MicroCore
import MicroNATS
import NIOCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Publishes, subscribes or requests, and prints the CPU seconds that it took.
@main
struct NATSBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "nats-bench")

    @Option(help: "What to do: publish, subscribe, request, broker-publish or broker-subscribe.")
    var mode: String

    @Option(help: "The port of the server on this machine.")
    var port: Int

    @Option(help: "The number of messages.")
    var count: Int

    @Option(help: "The number of bytes of a message.")
    var size = 128

    func run() async throws {
        let client = NATSClient(configuration: .init(servers: [NATSServer(host: "127.0.0.1", port: port)]))
        let broker = NATSBroker(
            configuration: .init(client: .init(servers: [NATSServer(host: "127.0.0.1", port: port)])))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await client.run() }
            group.addTask { try await broker.run() }
            try await client.waitUntilConnected()
            switch mode {
            case "publish": try await publish(client)
            case "subscribe": try await subscribe(client)
            case "request":
                try await withTaskExecutorPreference(client.executor) { try await request(client) }
            case "broker-publish": try await publish(broker)
            case "broker-subscribe": try await subscribe(broker)
            default: throw ValidationError("There is no mode \(mode).")
            }
            group.cancelAll()
        }
    }

    private func publish(_ client: NATSClient) async throws {
        let payload = ByteBuffer(repeating: 0x78, count: size)
        for _ in 0..<(count / 10) { try await client.publish(payload, to: "bench") }
        try await client.flush(timeout: .seconds(60))
        let begun = cpuSeconds()
        for _ in 0..<count { try await client.publish(payload, to: "bench") }
        try await client.flush(timeout: .seconds(60))
        report(since: begun)
    }

    private func subscribe(_ client: NATSClient) async throws {
        let limits = NATSSubscription.Limits(messages: 1 << 20, bytes: 1 << 30, overflow: .suspend)
        let subscription = try await client.subscribe(to: "bench", limits: limits)
        try await client.flush()
        let begun = cpuSeconds()
        say("ready")
        var left = count
        for try await message in subscription {
            guard message.payloadLength == size else { throw ValidationError("A message has another size.") }
            left -= 1
            if left == 0 { break }
        }
        report(since: begun)
    }

    private func request(_ client: NATSClient) async throws {
        let payload = ByteBuffer(repeating: 0x78, count: size)
        for _ in 0..<(count / 10) { _ = try await client.request(payload, to: "echo") }
        let begun = cpuSeconds()
        for _ in 0..<count { _ = try await client.request(payload, to: "echo") }
        report(since: begun)
    }

    private func publish(_ broker: NATSBroker) async throws {
        let event = BrokerEvent(
            topic: "bench", header: ["Content-Type": "application/json", "Micro-Topic": "bench"],
            body: EncodedMessage([UInt8](repeating: 0x78, count: size)))
        for _ in 0..<(count / 10) { try await broker.publish(event, to: "bench") }
        try await broker.flush()
        let begun = cpuSeconds()
        for _ in 0..<count { try await broker.publish(event, to: "bench") }
        try await broker.flush()
        report(since: begun)
    }

    private func subscribe(_ broker: NATSBroker) async throws {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        let counter = Arrivals(count: count, done: arrived)
        let options = SubscriptionOptions(topic: "bench", bufferSize: count + 1)
        let subscription = try await broker.subscribe(options) { _ in
            counter.count()
            return .ack
        }
        let begun = cpuSeconds()
        say("ready")
        for await _ in arrivals { break }
        report(since: begun)
        await subscription.cancel(deadline: .now)
    }

    private func report(since begun: Double) { say("cpu \(cpuSeconds() - begun)") }

    private func say(_ line: String) {
        print(line)
        fflush(nil)
    }
}

/// Tells when all have come.
private final class Arrivals: Sendable {
    private let left: Atomic<Int>
    private let done: AsyncStream<Void>.Continuation

    init(count: Int, done: AsyncStream<Void>.Continuation) {
        left = Atomic(count)
        self.done = done
    }

    func count() {
        if left.subtract(1, ordering: .relaxed).newValue == 0 { done.yield() }
    }
}

/// The CPU seconds of the process, user and system.
private func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
