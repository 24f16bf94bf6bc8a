internal import Logging
internal import MicroCore
internal import MicroNIO
internal import MicroPluginKit
internal import MicroTLS
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A running client: the machine that decides, the socket that it speaks through, and those who wait.
///
/// All of it lives on one event loop, so reads, timers and callers never wait for a lock.
actor NATSCore {
    typealias Waiter = UnsafeContinuation<Result<Void, NATSError>, Never>
    typealias RequestWaiter = UnsafeContinuation<Result<NATSMessage, NATSError>, Never>

    /// Something that ``run()`` does for the machine, since it has to be waited for.
    enum Job {
        case connect(ServerPool.Entry, link: Int)
        case logIn(NATSCredentials, nonce: String?, link: Int)
    }

    nonisolated let loop: any EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.executor.asUnownedSerialExecutor() }

    nonisolated let configuration: NATSClient.Configuration
    nonisolated let outbox: Outbox
    nonisolated let events = EventHub()
    nonisolated let counters = Counters()

    /// The subject below which the answers to requests arrive, with its last dot; nobody else can guess it.
    nonisolated let inboxes: String

    var logger = Logger(label: "micro.nats")

    /// Limits the warnings that a server or a publisher can cause as often as it likes.
    let throttle = LogThrottle(burst: 20)

    /// Limits the warnings of connections that end, which the others must not suppress.
    let endThrottle = LogThrottle(burst: 20)

    var machine: NATSMachine

    /// The memory of effects that were carried out, for the next ones.
    private var spareEffects: [NATSMachine.Effect] = []
    private var isApplying = false
    private var timer: Scheduled<Void>?

    var parser = NATSParser()

    /// The channel of the machine's connection, and its number there.
    var channel: (link: Int, channel: any Channel)?

    /// How connections are secured, once there was one to secure.
    var tls: TLSContext?

    /// The channels that are being opened.
    var opening: [any Channel] = []

    // What run() has to do, and the end.
    var jobs = FIFO<Job>()
    var jobWaiter: UnsafeContinuation<Void, Never>?
    var end: Result<Void, NATSError>?
    var isRunning = false

    var receivers: [UInt64: Receiver] = [:]
    var requests = RequestTable<RequestWaiter>()
    var requestTimer: Scheduled<Void>?
    var waiters: [UInt64: Waiter] = [:]

    /// Creates the state of a client that hasn't begun.
    init(configuration: NATSClient.Configuration) {
        self.configuration = configuration
        loop = EventLoops.group.next()
        inboxes = "\(configuration.inboxPrefix).\(Self.uniqueToken())."
        outbox = Outbox(
            onlineLimit: configuration.writeBufferSize, offlineLimit: configuration.reconnectBufferSize)
        machine = NATSMachine(configuration: configuration, outbox: outbox)
    }

    /// Returns a token that is unlike any other.
    nonisolated static func uniqueToken() -> String {
        let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
        var generator = SystemRandomNumberGenerator()
        return String((0..<22).compactMap { _ in digits.randomElement(using: &generator) })
    }

    /// Does something with the state in the loop's next turn, or at once on the loop.
    nonisolated func onLoop(_ body: @escaping @Sendable (isolated NATSCore) -> Void) {
        loop.run { self.assumeIsolated { body($0) } }
    }

    /// Begins the end.
    func beginClosing() {
        machine.close(now: .now())
        apply()
    }
}

// MARK: - Effects

extension NATSCore {
    /// Carries out what the machine wants done, in its order.
    ///
    /// What is done may call the machine again: what it wants then comes behind everything else.
    func apply() {
        guard !isApplying else { return }
        isApplying = true
        while true {
            var effects = spareEffects
            spareEffects = []
            machine.takeEffects(into: &effects)
            guard !effects.isEmpty else {
                spareEffects = effects
                break
            }
            for effect in effects { perform(effect) }
            effects.removeAll(keepingCapacity: true)
            spareEffects = effects
        }
        isApplying = false
    }

    private func perform(_ effect: NATSMachine.Effect) {
        switch effect {
        case .connect(let server, let link): add(.connect(server, link: link))
        case .logIn(let credentials, let nonce, let link):
            add(.logIn(credentials, nonce: nonce, link: link))
        case .secure(let server, let link): secure(server, link: link)
        case .close(let link): close(link: link)
        case .write(let bytes, let link):
            if let channel, channel.link == link { channel.channel.writeAndFlush(bytes, promise: nil) }
        case .flush(.now): flush()
        case .flush(.soon): loop.execute { self.assumeIsolated { $0.flush() } }
        case .flush(.later): loop.scheduleTask(in: Self.patience) { self.assumeIsolated { $0.flush() } }
        case .setReading(let isReading): setReading(isReading)
        case .wake(let time): wake(at: time)
        case .resume(let waiter, let error):
            waiters.removeValue(forKey: waiter)?.resume(
                returning: error.map(Result.failure) ?? .success(()))
        case .failRequests(let error): failRequests(error)
        case .endSubscriptions(let numbers, let error): endSubscriptions(numbers, error)
        case .renewed: for receiver in receivers.values { receiver.inbox?.reconnected() }
        case .leftOut(let messages, let limit): failRequests(of: messages, limit: limit)
        case .report(let report): self.report(report)
        case .finished(let error): finish(error)
        }
    }

    /// How long a few messages wait for more of them while messages come one after the other.
    private static let patience = TimeAmount.microseconds(200)

    private func wake(at time: NIODeadline) {
        timer?.cancel()
        timer = loop.scheduleTask(deadline: time) {
            self.assumeIsolated { core in
                core.machine.poll(now: .now())
                core.apply()
            }
        }
    }

    private func finish(_ error: NATSError?) {
        timer?.cancel()
        timer = nil
        end = error.map(Result.failure) ?? .success(())
        jobWaiter?.resume()
        jobWaiter = nil
    }

    private func add(_ job: Job) {
        jobs.append(job)
        jobWaiter?.resume()
        jobWaiter = nil
    }
}

// MARK: - Waiting

extension NATSCore {
    /// Waits for the server's answer behind everything that was sent before.
    nonisolated func roundTrip(timeout: Duration) async -> Result<Void, NATSError> {
        await wait { core, number in core.machine.roundTrip(number, within: timeout, now: .now()) }
    }

    /// Waits until there is a connection.
    nonisolated func untilConnected(timeout: Duration) async -> Result<Void, NATSError> {
        await wait { core, number in
            core.machine.waitUntilConnected(number, within: timeout, now: .now())
        }
    }

    /// Waits until the machine resumes a waiter.
    private nonisolated func wait(
        _ begin: @escaping @Sendable (isolated NATSCore, _ number: UInt64) -> Void
    ) async -> Result<Void, NATSError> {
        let number = Self.numbers.wrappingAdd(1, ordering: .relaxed).newValue
        return await loop.suspend { continuation, isCancelled in
            self.assumeIsolated { core in
                if isCancelled { return continuation.resume(returning: .failure(.cancelled)) }
                core.waiters[number] = continuation
                begin(core, number)
                core.apply()
            }
        } onCancel: {
            self.assumeIsolated { core in
                core.machine.cancel(number)
                core.apply()
            }
        }
    }

    /// Numbers of those who wait, in the whole process.
    static let numbers = Atomic<UInt64>(0)
}

/// Counts that any thread may read.
final class Counters: Sendable {
    let messagesReceived = Atomic<Int>(0)
    let bytesSent = Atomic<Int>(0)
    let bytesReceived = Atomic<Int>(0)
    let messagesDropped = Atomic<Int>(0)
    let messagesUnsent = Atomic<Int>(0)
    let connections = Atomic<Int>(0)
    let serverErrors = Atomic<Int>(0)
}
