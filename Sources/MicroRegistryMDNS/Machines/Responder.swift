internal import MicroCore
internal import MicroDNS
internal import NIOCore

/// Answers questions about our nodes, and tells the network when they come and go.
///
/// It does no I/O: it is told of time and of packets, and returns the packets to send.
struct Responder {
    /// What is told of a node one after the other: go-micro's three probes and three announcements.
    private enum Step {
        case probe, announce
    }

    private struct Entry {
        var instance: OwnInstance
        var expiry: NIODeadline?
        var steps: ArraySlice<Step>
        var nextStep: NIODeadline
    }

    private static let announcements: [Step] = [.announce, .announce, .announce]

    let names: ServiceNames
    let host: DNSName
    private var entries: [Entry] = []

    /// Creates a responder without nodes.
    ///
    /// - Parameters:
    ///   - names: The names of the domain.
    ///   - host: The name of the machine.
    init(names: ServiceNames, host: DNSName) {
        self.names = names
        self.host = host
    }

    /// Our nodes.
    var instances: [OwnInstance] { entries.map(\.instance) }

    /// Returns whether a node is ours.
    ///
    /// - Parameter key: The node.
    /// - Returns: Whether it is.
    func holds(_ key: NodeKey) -> Bool { entries.contains { $0.instance.key == key } }

    /// Holds the nodes of a record, all or none of them.
    ///
    /// A new node is probed and announced, a changed one is announced, of others only the time to live
    /// begins anew.
    ///
    /// - Parameters:
    ///   - record: The service, with the nodes to hold.
    ///   - timeToLive: How long they stay without being renewed; `nil` forever.
    ///   - now: The time.
    /// - Throws: A ``MicroError`` with the status `invalidArgument` if go-micro's format can't say it.
    mutating func register(
        _ record: ServiceRecord, timeToLive: TimeAmount?, now: NIODeadline
    ) throws(MicroError) {
        var instances: [OwnInstance] = []
        for node in record.nodes {
            var single = record
            single.nodes = [node]
            // Making its packets anew would cost as much as the first time, at each renewal.
            if let held = entries.first(where: { $0.instance.record == single })?.instance {
                instances.append(held)
            } else {
                instances.append(try OwnInstance(single, node: node, names: names, host: host))
            }
        }
        let expiry = timeToLive.map { now + $0 }
        for instance in instances {
            guard let position = entries.firstIndex(where: { $0.instance.key == instance.key }) else {
                let steps = [.probe, .probe, .probe] + Self.announcements
                entries.append(Entry(instance: instance, expiry: expiry, steps: steps[...], nextStep: now))
                continue
            }
            entries[position].expiry = expiry
            guard entries[position].instance != instance else { continue }
            entries[position].instance = instance
            entries[position].steps = Self.announcements[...]
            entries[position].nextStep = now
        }
    }

    /// Announces all nodes again, since others may have missed it; those that are still probed follow anyway.
    ///
    /// - Parameter now: The time.
    mutating func announceAgain(now: NIODeadline) {
        for position in entries.indices where !entries[position].steps.contains(.probe) {
            entries[position].steps = Self.announcements[...]
            entries[position].nextStep = now
        }
    }

    /// Lets a node go.
    ///
    /// - Parameter key: The node.
    /// - Returns: The packet that says so; `nil` if it wasn't ours.
    mutating func deregister(_ key: NodeKey) -> [UInt8]? {
        guard let position = entries.firstIndex(where: { $0.instance.key == key }) else { return nil }
        return entries.remove(at: position).instance.goodbye
    }

    /// When ``poll(now:)`` has something to do.
    var deadline: NIODeadline? {
        entries.flatMap { [$0.expiry, $0.steps.isEmpty ? nil : $0.nextStep].compactMap(\.self) }.min()
    }

    /// Does what is due.
    ///
    /// - Parameter now: The time.
    /// - Returns: The packets to send to everybody, and the nodes that weren't renewed and went.
    mutating func poll(now: NIODeadline) -> (packets: [[UInt8]], lapsed: [NodeKey]) {
        var packets: [[UInt8]] = []
        var lapsed: [NodeKey] = []
        for entry in entries {
            guard let expiry = entry.expiry, expiry <= now else { continue }
            lapsed.append(entry.instance.key)
            packets.append(contentsOf: [deregister(entry.instance.key)].compactMap(\.self))
        }
        for position in entries.indices {
            while entries[position].nextStep <= now, let step = entries[position].steps.popFirst() {
                let instance = entries[position].instance
                packets.append(step == .probe ? instance.probe : instance.announcement)
                entries[position].nextStep = now + Self.gap(after: step, left: entries[position].steps.count)
            }
        }
        return (packets, lapsed)
    }

    /// How long to wait behind a step.
    ///
    /// go-micro waits up to 249 ms behind a probe. Nobody defends a name that has a new id in it, so
    /// the short end of that is enough. The announcements follow after 1 s and 2 s more.
    private static func gap(after step: Step, left: Int) -> TimeAmount {
        switch step {
        case .probe: .milliseconds(.random(in: 5...25))
        case .announce: .seconds(left == 2 ? 1 : 2)
        }
    }
}
