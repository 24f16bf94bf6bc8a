internal import MicroCore
internal import MicroDNS
internal import NIOCore

/// The nodes of watched services, for as long as their records may be believed.
///
/// Each packet comes by several sockets, which are read in any order. So right after a change what
/// another socket says to the contrary is taken for an older packet: it isn't believed, but the service
/// is asked again a little later.
struct NodeCache {
    /// What bounds the cache, since anybody on the link can announce nodes.
    struct Limits: Hashable {
        /// The most nodes.
        var nodes = 4096

        /// About how many bytes they may take.
        var size = 64 << 20
    }

    /// What became of an announcement.
    enum Outcome {
        /// Nothing new.
        case unchanged

        /// The node came, or something about it changed.
        case changed

        /// It isn't believed, or there is no room.
        case ignored
    }

    /// At which hundredths of its time to live a record that wasn't renewed is asked for (RFC 6762, 5.2).
    private static let refreshPoints: [Int64] = [80, 90, 95]

    /// The longest time for which a record is believed, in seconds, whatever it says itself.
    private static let maximumTimeToLive: UInt32 = 3600

    /// How long a change outweighs what other sockets say.
    private static let settling = TimeAmount.milliseconds(500)

    /// How long a node has to answer when it was said to have gone, but may not have.
    private static let lastChance = TimeAmount.seconds(1)

    private let limits: Limits
    private var entries: [NodeKey: Entry] = [:]

    /// The keys of the nodes by their names on the network.
    private var keys: [DNSName: NodeKey] = [:]

    /// The last changes, for as long as they outweigh others.
    private var changes: [NodeKey: Change] = [:]
    private var size = 0

    /// A time before which there is nothing to do.
    private var earliest: NIODeadline?

    /// Creates an empty cache.
    ///
    /// - Parameter limits: What bounds it.
    init(limits: Limits = Limits()) { self.limits = limits }

    /// When ``poll(now:)`` may have something to do.
    var deadline: NIODeadline? { earliest }

    /// Returns whether a node of a service is here.
    ///
    /// - Parameter service: The name of the service.
    /// - Returns: Whether there is one.
    func hasNodes(of service: String) -> Bool { entries.keys.contains { $0.service == service } }

    /// Returns the node that is here as it was sighted, which can be known without reading its text.
    ///
    /// - Parameter announcement: What was said of it.
    /// - Returns: The node.
    func key(of announcement: Announcement) -> NodeKey? {
        keys[announcement.name].flatMap { holds($0, as: announcement) ? $0 : nil }
    }

    /// Returns whether a node is here as it was sighted, so that seeing it changes nothing.
    ///
    /// - Parameters:
    ///   - key: The node.
    ///   - announcement: What was said of it.
    /// - Returns: Whether it is.
    func holds(_ key: NodeKey, as announcement: Announcement) -> Bool {
        entries[key]?.content == announcement.content
    }

    /// Takes notice of a node.
    ///
    /// - Parameters:
    ///   - announcement: What was said of it.
    ///   - nodeSize: About how many bytes of memory it takes.
    ///   - key: The node.
    ///   - source: The socket by which it came.
    ///   - now: The time.
    /// - Returns: What became of it.
    mutating func see(
        _ announcement: Announcement, size nodeSize: Int, key: NodeKey, from source: PacketSource,
        now: NIODeadline
    ) -> Outcome {
        let lifetime = TimeAmount.seconds(Int64(min(announcement.timeToLive, Self.maximumTimeToLive)))
        if var entry = entries[key], entry.content == announcement.content {
            (entry.seen, entry.timeToLive, entry.refreshes) = (now, lifetime, 0)
            entries[key] = entry
            wake(at: entry.next)
            return .unchanged
        }
        guard accepts(key, from: source, now: now) else { return .ignored }
        let entry = Entry(
            name: announcement.name, content: announcement.content, size: nodeSize, seen: now,
            timeToLive: lifetime)
        let growth = entry.size - (entries[key]?.size ?? 0)
        let count = entries[key] == nil ? entries.count + 1 : entries.count
        guard count <= limits.nodes, size + growth <= limits.size else { return .ignored }
        size += growth
        entries[key] = entry
        keys[announcement.name] = key
        wake(at: entry.next)
        note(key, from: source, now: now)
        return .changed
    }

    /// Forgets a node that took itself back.
    ///
    /// - Parameters:
    ///   - key: The node.
    ///   - source: The socket by which it came.
    ///   - now: The time.
    /// - Returns: Whether it went.
    mutating func evict(_ key: NodeKey, from source: PacketSource, now: NIODeadline) -> Bool {
        guard entries[key] != nil else {
            if source == .ourselves || changes[key] == nil { note(key, from: source, now: now) }
            return false
        }
        guard source == .ourselves || accepts(key, from: source, now: now) else {
            entries[key]?.seen = now
            entries[key]?.timeToLive = Self.settling + Self.lastChance
            wake(at: now + Self.settling)
            return false
        }
        note(key, from: source, now: now)
        return drop(key)
    }

    /// Forgets the nodes of services.
    ///
    /// - Parameter isWanted: Whether a service's nodes are kept.
    mutating func keep(_ isWanted: (_ service: String) -> Bool) {
        for key in entries.keys where !isWanted(key.service) { _ = drop(key) }
    }

    /// Does what is due.
    ///
    /// - Parameter now: The time.
    /// - Returns: The nodes whose time is over, and the services to ask for.
    mutating func poll(now: NIODeadline) -> (expired: [NodeKey], refresh: Set<String>) {
        guard let due = earliest, due <= now else { return ([], []) }
        var expired: [NodeKey] = []
        var refresh: Set<String> = []
        for (key, change) in changes where change.end <= now {
            changes[key] = nil
            if change.isDoubted { refresh.insert(key.service) }
        }
        for (key, entry) in entries where entry.next <= now {
            if entry.expiry <= now {
                _ = drop(key)
                expired.append(key)
            } else {
                entries[key]?.refreshes += 1
                refresh.insert(key.service)
            }
        }
        earliest = (entries.values.map(\.next) + changes.values.map(\.end)).min()
        return (expired, refresh)
    }

    /// Returns whether a contradiction is believed, and remembers it if not.
    private mutating func accepts(_ key: NodeKey, from source: PacketSource, now: NIODeadline) -> Bool {
        guard let change = changes[key], change.end > now, change.source != source else { return true }
        changes[key]?.isDoubted = true
        return false
    }

    private mutating func note(_ key: NodeKey, from source: PacketSource, now: NIODeadline) {
        guard changes[key] != nil || changes.count < limits.nodes else { return }
        changes[key] = Change(source: source, end: now + Self.settling)
        wake(at: now + Self.settling)
    }

    private mutating func drop(_ key: NodeKey) -> Bool {
        guard let entry = entries.removeValue(forKey: key) else { return false }
        size -= entry.size
        if keys[entry.name] == key { keys[entry.name] = nil }
        return true
    }

    private mutating func wake(at time: NIODeadline) {
        earliest = min(earliest ?? time, time)
    }

    private struct Entry {
        var name: DNSName
        var content: Announcement.Content
        var size: Int
        var seen: NIODeadline
        var timeToLive: TimeAmount
        var refreshes = 0

        var expiry: NIODeadline { seen + timeToLive }

        /// When to ask again, or to give up.
        var next: NIODeadline {
            guard refreshes < refreshPoints.count else { return expiry }
            return seen + .nanoseconds(timeToLive.nanoseconds / 100 * refreshPoints[refreshes])
        }
    }

    private struct Change {
        let source: PacketSource
        let end: NIODeadline
        var isDoubted = false
    }
}
