internal import Logging
internal import MicroCore
internal import MicroNIO
internal import MicroPluginKit
internal import MicroTLS
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The state of a client, all of it on one event loop.
actor NATSCore {
    /// A connection, from its first byte to its end.
    final class Link {
        let number: Int
        let channel: any Channel
        let server: ServerPool.Entry
        var stage = Stage.greeting
        var info = ServerInfo()

        let greeted: EventLoopPromise<ServerInfo>
        let secured: EventLoopPromise<Void>
        let admitted: EventLoopPromise<Void>
        let ended: EventLoopPromise<NATSError>

        /// Why it ends, once that is known.
        var reason: NATSError?

        /// Who waits for the answers to our pings, in their order.
        var pongs = CircularBuffer<Pong>()
        var unansweredPings = 0

        /// Whether the last question was written, behind which nothing may come.
        var hasWrittenLast = false

        init(number: Int, channel: any Channel, server: ServerPool.Entry, loop: any EventLoop) {
            self.number = number
            self.channel = channel
            self.server = server
            greeted = loop.makePromise()
            secured = loop.makePromise()
            admitted = loop.makePromise()
            ended = loop.makePromise()
        }
    }

    enum Stage { case greeting, securing, login, open, leaving }

    /// What an answer to a ping is for.
    enum Pong {
        case admission
        case liveness
        case waiter(UInt64)
        case leave
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
    var pool: ServerPool
    var backoff: ReconnectBackoff
    var link: Link?

    /// Whether the connection is open, or about to be left.
    var isOpen = false

    /// When the last connection was open.
    var openedAt = NIODeadline.distantFuture
    var lastLink = 0

    /// Why the last connection ended.
    var lastEnd: (link: Int, reason: NATSError)?
    var parser = NATSParser()
    var connecting: [any Channel] = []
    var hasStarted = false
    var hasEverConnected = false
    var isClosing = false
    var isClosed = false
    var sleeper: EventLoopPromise<Void>?
    var heartbeat: RepeatedTask?

    // What is to be written before and behind the messages of the outbox.
    var control = ByteBuffer()
    var pingsWanted = 0
    var isWriting = false

    /// The messages that are being written, or were last.
    var inFlight = ByteBuffer()
    var isFlushScheduled = false

    var subscriptions: [UInt64: Entry] = [:]
    var lastSubscription: UInt64 = 0
    var suspensions = 0

    var requests = RequestTable()
    var roundTrips = LoopWaiters()
    var connectionWaiters = LoopWaiters()

    /// A subscription as the connection sees it.
    final class Entry {
        let number: UInt64
        let subject: String
        let queue: String?

        /// Where messages go; `nil` for the answers to requests.
        let inbox: SubscriptionInbox?

        /// Takes each message at once, in place of the inbox.
        let receive: (@Sendable (NATSMessage) -> Void)?

        var isSuspended = false
        var isDropping = false

        init(
            number: UInt64, subject: String, queue: String?, inbox: SubscriptionInbox?,
            receive: (@Sendable (NATSMessage) -> Void)?
        ) {
            self.number = number
            self.subject = subject
            self.queue = queue
            self.inbox = inbox
            self.receive = receive
        }
    }

    /// Creates the state of a client that hasn't begun.
    init(configuration: NATSClient.Configuration) {
        self.configuration = configuration
        loop = EventLoops.group.next()
        inboxes = "\(configuration.inboxPrefix).\(Self.uniqueToken())."
        outbox = Outbox(
            onlineLimit: configuration.writeBufferSize, offlineLimit: configuration.reconnectBufferSize)
        pool = ServerPool(configuration.servers, shuffled: configuration.shufflesServers)
        backoff = ReconnectBackoff(
            shortest: configuration.reconnectDelay.lowerBound,
            longest: configuration.reconnectDelay.upperBound)
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

    /// Returns the state in a word, for those who wait in vain.
    var whereabouts: String {
        switch (hasStarted, isClosed, link?.stage) {
        case (_, true, _): "it has been closed"
        case (false, _, _): "nothing has called its run()"
        case (_, _, .open?): "it is connected"
        default:
            lastFailure.map { "it is connecting; the last try failed: \($0.message)" } ?? "it is connecting"
        }
    }

    var lastFailure: NATSError?

    /// What those are told who wait for a connection of a client that has ended.
    var reasonOfEnd = NATSError.closed
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
