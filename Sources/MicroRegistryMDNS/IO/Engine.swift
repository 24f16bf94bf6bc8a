internal import Logging
internal import MicroCore
internal import MicroDNS
internal import MicroInterfaces
internal import MicroNIO
internal import MicroPluginKit
internal import NIOCore
internal import NIOPosix

/// A running registry: the machines that decide, and the sockets that they speak through.
///
/// All of it lives on one event loop, so packets, timers and callers never wait for a lock.
actor Engine {
    /// What callers get once the registry has ended.
    static let stopped = MicroError(.unavailable, "The mDNS registry has been stopped.", processed: .no)

    /// The most searches that callers may wait for at a time.
    private static let maximumCallers = 1024

    nonisolated let loop: any EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.executor.asUnownedSerialExecutor() }

    private let directory: RegistryDirectory
    private let names: ServiceNames
    private let logger: Logger
    private var responder: Responder
    private var browser: Browser
    private var answerLimit = AnswerLimit()
    private var asked: AskedQuestions
    private(set) var links: [MulticastLink] = []
    private var lastLink = 0
    private var isClosed = false

    /// Why interfaces don't take part.
    private var failures: [String] = []

    /// Whether it was said that no interface takes part.
    private var isDeafnessKnown = false
    private var callers: [Int: CheckedContinuation<Searches.Findings, any Error>] = [:]
    private var lastCaller = 0
    private var textReader: CheckedContinuation<(job: TextJob, limit: TextCost)?, Never>?
    private let leftOut = LogThrottle()
    private var timer: (due: NIODeadline, task: Scheduled<Void>)?

    /// Creates an engine without sockets.
    ///
    /// - Parameters:
    ///   - names: The names of the domain.
    ///   - timeout: How long a search waits for an answer.
    ///   - directory: Where watchers are told of changes.
    ///   - logger: The logger of those who run it; packets come outside of any task.
    init(names: ServiceNames, timeout: TimeAmount, directory: RegistryDirectory, logger: Logger) {
        self.names = names
        self.directory = directory
        self.logger = logger
        loop = EventLoops.group.next()
        responder = Responder(names: names, host: .thisHost)
        browser = Browser(names: names, limit: timeout, quiet: min(.milliseconds(25), timeout))
        asked = AskedQuestions(lifetime: timeout + .seconds(5))
    }

    /// Takes our nodes back and closes the sockets.
    func close() async {
        isClosed = true
        timer?.task.cancel()
        timer = nil
        let (instances, links) = (responder.instances, links)
        responder = Responder(names: names, host: responder.host)
        self.links = []
        for instance in instances { directory.remove(instance.key) }
        for sent in instances.flatMap({ instance in links.map { $0.announce(instance.goodbye) } }) {
            try? await sent.get()
        }
        for link in links { await link.close() }
        let left = callers.values
        callers = [:]
        for caller in left { caller.resume(throwing: Self.stopped) }
    }
}

// MARK: - The network

extension Engine {
    /// Whether all interfaces that could take part do.
    var isComplete: Bool { failures.isEmpty && !links.isEmpty }

    /// Opens the sockets of interfaces that are new or were lost, and closes those of interfaces that are gone.
    ///
    /// Called by one task alone. Where anything was opened, our nodes are announced and the wanted ones asked for
    /// again, also where an interface has its carrier again: what was said meanwhile nobody has heard.
    ///
    /// - Parameter interfaces: The interfaces that are up.
    func adapt(to interfaces: [NetworkInterface]) async {
        let targets = interfaces.flatMap(\.targets)
        let lost = links.filter { link in
            !link.isOpen || !targets.contains { $0.identity == link.target.identity }
        }
        links.removeAll { link in lost.contains { $0.number == link.number } }
        for link in lost { await link.close() }
        var isHeardAnew = false
        for position in links.indices {
            guard let target = targets.first(where: { $0.identity == links[position].target.identity })
            else { continue }
            if links[position].update(target) { isHeardAnew = true }
        }
        let opened = await open(
            targets.filter { target in
                !links.contains { $0.target.identity == target.identity }
            })
        guard !isClosed else {
            for link in opened { await link.close() }
            return
        }
        links += opened
        if !lost.isEmpty || !opened.isEmpty || links.isEmpty { logLinks() }
        guard isHeardAnew || !opened.isEmpty else { return }
        let now = NIODeadline.now()
        responder.announceAgain(now: now)
        apply(browser.askAgain(now: now))
        tick()
    }

    private func open(_ targets: [LinkTarget]) async -> [MulticastLink] {
        var opened: [MulticastLink] = []
        var failures: [String] = []
        for target in targets {
            lastLink += 1
            let number = lastLink
            do {
                let link = try await MulticastLink.open(target, number: number, on: loop) { packet in
                    self.assumeIsolated { $0.receive(packet) }
                } onClose: {
                    self.assumeIsolated { $0.linkClosed(number) }
                }
                opened.append(link)
            } catch {
                failures.append("\(target.device.name) (\(target.device.address?.ipAddress ?? "")): \(error)")
            }
        }
        if failures != self.failures, !failures.isEmpty {
            logger.debug(
                "mDNS leaves interfaces out.",
                metadata: ["error.message": "\(failures.joined(separator: "; "))"])
        }
        self.failures = failures
        return opened
    }

    /// Makes the network be looked at again if a socket of a link was closed that we hold.
    private func linkClosed(_ number: Int) {
        if links.contains(where: { $0.number == number }) { NetworkMonitor.shared.reportChange() }
    }

    private func logLinks() {
        guard links.isEmpty else {
            isDeafnessKnown = false
            return logger.info(
                "mDNS listens.",
                metadata: ["micro.mdns.links": "\(links.map(\.target.name).joined(separator: ", "))"])
        }
        guard !isDeafnessKnown else { return }
        isDeafnessKnown = true
        logger.warning("\(Self.deaf(failures).detail)")
    }

    private static func deaf(_ failures: [String]) -> MicroError {
        let reasons =
            failures.isEmpty
            ? "none that may be used is up and has an address" : failures.joined(separator: "; ")
        return MicroError(
            .unavailable,
            "mDNS finds nobody and is found by nobody, since multicast works on no network interface: \(reasons). "
                + "It goes on by itself once that has changed. On Linux, \"ip link set lo up; ip link set lo "
                + "multicast on; ip route add 224.0.0.0/4 dev lo\" lets the processes of one machine find each "
                + "other; in a container, use the host's network. Or choose another registry with MICRO_REGISTRY.",
            processed: .no)
    }
}

// MARK: - Packets and time

extension Engine {
    private func receive(_ packet: MulticastLink.Packet) {
        let message: DNSMessage
        do {
            message = try DNSMessage(decoding: packet.bytes)
        } catch {
            return logger.debug(
                "mDNS drops a malformed packet.",
                metadata: ["network.peer.address": "\(packet.sender)", "error.message": "\(error)"])
        }
        let now = NIODeadline.now()
        if message.flags.contains(.response) {
            // What came to the group was sent on the link, whatever its source is (RFC 6762, 11).
            guard packet.source.isGroup || packet.isFromLink,
                let message = packet.source.isGroup ? message : asked.answers(in: message, now: now)
            else { return }
            let sender = packet.sender.ipAddress ?? ""
            apply(
                browser.receive(
                    message, from: packet.source, sender: sender, now: now, isOwn: responder.holds))
            if let reader = textReader, let text = takeText() {
                textReader = nil
                reader.resume(returning: text)
            }
            schedule()
        } else if packet.source.isGroup, packet.isFromLink {
            let source = packet.sender.ipAddress ?? ""
            for answer in responder.answers(to: message)
            where answerLimit.allows(answer.count, to: source, now: now) {
                _ = packet.channel.send(answer, to: packet.sender)
            }
        }
    }

    private func tick() {
        timer = nil
        let now = NIODeadline.now()
        let (packets, lapsed) = responder.poll(now: now)
        for packet in packets { announce(packet) }
        for key in lapsed { forget(key, now: now) }
        apply(browser.poll(now: now))
        schedule()
    }

    /// Wakes up when something is due next.
    private func schedule() {
        guard !isClosed, let due = [responder.deadline, browser.deadline].compactMap(\.self).min() else {
            return
        }
        if let timer, timer.due <= due { return }
        timer?.task.cancel()
        timer = (due, loop.scheduleTask(deadline: due) { self.assumeIsolated { $0.tick() } })
    }

    private func apply(_ effects: [Browser.Effect]) {
        for effect in effects {
            switch effect {
            case .ask(let name):
                let question = DNSQuestion(name: name, type: .ptr)
                let id = UInt16.random(in: .min ... .max)
                let query = DNSMessage(id: id, questions: [question]).encoded(compressed: true)
                asked.insert(name, now: .now())
                for link in links { link.ask(query) }
            case .up(let record): directory.insert(record)
            case .down(let key): if !responder.holds(key) { directory.remove(key) }
            case .synced(let service?): directory.markSynced(service: service)
            case .synced(nil): directory.markSynced()
            case .found(let caller, let findings):
                callers.removeValue(forKey: caller)?.resume(returning: findings)
            case .leftOut(let sender):
                leftOut.admit { suppressed in
                    logger.warning(
                        "mDNS leaves out a node, since its sender says more than is read.",
                        metadata: [
                            "network.peer.address": "\(sender)", "suppressed": "\(suppressed)",
                        ])
                }
            }
        }
    }

    private func announce(_ packet: [UInt8]) {
        for link in links { link.announce(packet) }
    }

    private func forget(_ key: NodeKey, now: NIODeadline) {
        browser.evict(key, now: now)
        directory.remove(key)
    }
}

// MARK: - Texts

extension Engine {
    /// Reads the texts of nodes until the task is cancelled.
    ///
    /// It does that one text after the other and away from all event loops, since it may take milliseconds.
    @concurrent nonisolated func readTexts() async {
        await withTaskExecutorPreference(globalConcurrentExecutor) {
            while let (job, limit) = await nextText() {
                await finish(TextReading(job.announcement.content.text, limit: limit), limit: limit)
            }
        }
    }

    private func nextText() async -> (job: TextJob, limit: TextCost)? {
        if let text = takeText() { return text }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { textReader = $0 }
        } onCancel: {
            loop.execute {
                self.assumeIsolated { engine in
                    engine.textReader?.resume(returning: nil)
                    engine.textReader = nil
                }
            }
        }
    }

    private func takeText() -> (job: TextJob, limit: TextCost)? {
        let (text, effects) = browser.nextText(now: .now(), isOwn: responder.holds)
        apply(effects)
        schedule()
        return text
    }

    private func finish(_ reading: TextReading, limit: TextCost) {
        apply(browser.finish(reading, limit: limit, now: .now(), isOwn: responder.holds))
        schedule()
    }
}

// MARK: - Callers

extension Engine {
    /// Holds nodes, and tells the network.
    func register(_ record: ServiceRecord, timeToLive: Duration?) throws {
        // A year is as good as forever, and stays clear of overflow.
        let lifetime = timeToLive.map { TimeAmount(min($0, .seconds(365 * 86400))) }
        try responder.register(record, timeToLive: lifetime, now: .now())
        directory.insert(record)
        tick()
    }

    /// Lets nodes go, and tells the network.
    func deregister(_ record: ServiceRecord) {
        for key in record.keys {
            guard let goodbye = responder.deregister(key) else { continue }
            announce(goodbye)
            forget(key, now: .now())
        }
        schedule()
    }

    /// Returns what is known of a service, from the watched state or by asking.
    func lookUp(_ service: String) async throws -> [ServiceRecord] {
        if browser.knows(service) { return directory.lookup(service) }
        if links.isEmpty, !isClosed {
            let known = directory.lookup(service)
            guard known.isEmpty else { return known }
        }
        let found = try await search { $0.lookUp(service, caller: $1, now: .now()) }
        if found.isPartial { warnOfPartialAnswer("The nodes of \(service.printable())") }
        let own = responder.instances.map(\.record).filter { $0.name == service }
        let others = found.records.filter { !own.map(\.keys).contains($0.keys) }
        let sorted = (own + others).sorted { ($0.nodes.first?.id ?? "") < ($1.nodes.first?.id ?? "") }
        return ServiceRecord.merge(sorted)
    }

    /// Returns the names of all services, by asking.
    func services() async throws -> [String] {
        let found = try await search { $0.list(caller: $1, now: .now()) }
        if found.isPartial { warnOfPartialAnswer("The list of services") }
        return found.services.union(responder.instances.map(\.key.service)).union(directory.services).sorted()
    }

    /// Tells the caller, whose logger it is, that more may be there.
    private func warnOfPartialAnswer(_ what: String) {
        Logger.current.warning(
            """
            \(what) may be incomplete: when mDNS stopped to wait, answers still came, or there were more than it \
            reads. MICRO_REGISTRY_TIMEOUT makes it wait longer.
            """)
    }

    /// Asks for the services that are watched now, and forgets those that no longer are.
    func watchersChanged() {
        let watched = directory.forgetUnwatched(keeping: Set(responder.instances.map(\.key)))
        apply(browser.watch(watched.services, all: watched.all, now: .now()))
        schedule()
    }

    private func search(
        _ begin: (inout Browser, _ caller: Int) -> [Browser.Effect]
    ) async throws -> Searches.Findings {
        guard !isClosed else { throw Self.stopped }
        guard !links.isEmpty else { throw Self.deaf(failures) }
        guard callers.count < Self.maximumCallers else {
            throw MicroError(
                .resourceExhausted, "More than \(Self.maximumCallers) mDNS lookups wait at a time.",
                processed: .no)
        }
        lastCaller += 1
        let caller = lastCaller
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                callers[caller] = continuation
                apply(begin(&browser, caller))
                schedule()
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.cancel(caller) } }
        }
    }

    private func cancel(_ caller: Int) {
        browser.cancel(caller: caller)
        callers.removeValue(forKey: caller)?.resume(throwing: CancellationError())
    }
}
