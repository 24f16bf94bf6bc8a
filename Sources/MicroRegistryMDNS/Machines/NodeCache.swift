internal import MicroCore
internal import NIOCore

/// The nodes of watched services, for as long as their records may be believed.
struct NodeCache {
    /// What bounds the cache, since anybody on the link can announce nodes.
    struct Limits: Hashable {
        /// The most nodes.
        var nodes = 4096

        /// About how many bytes they may take.
        var size = 64 << 20
    }

    /// What became of a sighting.
    enum Outcome {
        /// Nothing new.
        case unchanged

        /// The node came, or something about it changed.
        case changed

        /// The node has just gone, or there is no room.
        case ignored
    }

    private struct Entry {
        var content: Sighting.Content
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

    /// At which hundredths of its time to live a record that wasn't renewed is asked for (RFC 6762, 5.2).
    private static let refreshPoints: [Int64] = [80, 90, 95]

    /// The longest time for which a record is believed, in seconds, whatever it says itself.
    private static let maximumTimeToLive: UInt32 = 3600

    /// For how long nobody is believed who says that a node is there that took itself back.
    ///
    /// Packets of several sockets are read in any order, so an older one may come behind the goodbye.
    private static let burial = TimeAmount.milliseconds(500)

    private let limits: Limits
    private var entries: [NodeKey: Entry] = [:]
    private var size = 0

    /// The nodes that have just gone, until when, and whether somebody has seen them since.
    private var graves: [NodeKey: (until: NIODeadline, isDoubted: Bool)] = [:]

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
    func hasNodes(of service: String) -> Bool { entries.keys.contains { $0.service == service } }

    /// Takes notice of a node.
    ///
    /// - Parameters:
    ///   - sighting: What was said of it.
    ///   - record: What that means: the service with this one node.
    ///   - key: The node.
    ///   - now: The time.
    /// - Returns: What became of it.
    mutating func see(
        _ sighting: Sighting, as record: ServiceRecord, key: NodeKey, now: NIODeadline
    ) -> Outcome {
        if let grave = graves[key], grave.until > now {
            graves[key]?.isDoubted = true
            return .ignored
        }
        let lifetime = TimeAmount.seconds(Int64(min(sighting.timeToLive, Self.maximumTimeToLive)))
        if var entry = entries[key], entry.content == sighting.content {
            (entry.seen, entry.timeToLive, entry.refreshes) = (now, lifetime, 0)
            entries[key] = entry
            wake(at: entry.next)
            return .unchanged
        }
        let entry = Entry(
            content: sighting.content, size: record.approximateSize, seen: now, timeToLive: lifetime)
        let growth = entry.size - (entries[key]?.size ?? 0)
        let count = entries[key] == nil ? entries.count + 1 : entries.count
        guard count <= limits.nodes, size + growth <= limits.size else { return .ignored }
        size += growth
        entries[key] = entry
        wake(at: entry.next)
        return .changed
    }

    /// Forgets a node that took itself back.
    ///
    /// - Parameters:
    ///   - key: The node.
    ///   - now: The time.
    /// - Returns: Whether it was here.
    mutating func bury(_ key: NodeKey, now: NIODeadline) -> Bool {
        if graves.count < limits.nodes {
            graves[key] = (now + Self.burial, false)
            wake(at: now + Self.burial)
        }
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
        for (key, grave) in graves where grave.until <= now {
            graves[key] = nil
            if grave.isDoubted { refresh.insert(key.service) }
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
        earliest = (entries.values.map(\.next) + graves.values.map(\.until)).min()
        return (expired, refresh)
    }

    private mutating func drop(_ key: NodeKey) -> Bool {
        guard let entry = entries.removeValue(forKey: key) else { return false }
        size -= entry.size
        return true
    }

    private mutating func wake(at time: NIODeadline) {
        earliest = min(earliest ?? time, time)
    }
}
