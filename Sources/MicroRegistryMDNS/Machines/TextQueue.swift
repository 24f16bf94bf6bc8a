internal import MicroCore
internal import MicroDNS
internal import MicroPluginKit

/// A text that is to be read before anything is known of a node.
struct TextJob: Sendable {
    /// The node.
    let announcement: Announcement

    /// The number of the packet that told of it.
    let packet: Int

    /// The address that sent the packet.
    let sender: String

    /// The socket by which it came.
    let source: PacketSource
}

/// The texts that wait to be read, in the order in which they came.
///
/// It is bounded, in all and for each sender; what does not fit is dropped, and comes again.
struct TextQueue {
    /// The limits.
    struct Limits: Hashable {
        /// The most texts.
        var count = 4096

        /// The most bytes of texts.
        var size = 8 << 20

        /// The most bytes of texts of one sender.
        var senderSize = 2 << 20
    }

    private let limits: Limits
    private var jobs = FIFO<TextJob>()
    private var size = 0
    private var sizes: [String: Int] = [:]

    /// How many texts of a node wait.
    private var names: [DNSName: Int] = [:]

    /// Creates an empty queue.
    init(limits: Limits = Limits()) { self.limits = limits }

    /// Whether nothing waits.
    var isEmpty: Bool { jobs.isEmpty }

    /// Whether a text of a node waits, so that later ones of it must wait as well.
    func holds(_ name: DNSName) -> Bool { names[name] != nil }

    /// Appends a text.
    ///
    /// - Parameter job: The text.
    /// - Returns: Whether there was room.
    mutating func append(_ job: TextJob) -> Bool {
        let senderSize = sizes[job.sender] ?? 0
        guard jobs.count < limits.count, size + job.size <= limits.size,
            senderSize + job.size <= limits.senderSize
        else { return false }
        size += job.size
        sizes[job.sender] = senderSize + job.size
        names[job.announcement.name, default: 0] += 1
        jobs.append(job)
        return true
    }

    /// Takes the first text.
    mutating func popFirst() -> TextJob? {
        guard let job = jobs.popFirst() else { return nil }
        size -= job.size
        let senderSize = (sizes[job.sender] ?? 0) - job.size
        sizes[job.sender] = senderSize > 0 ? senderSize : nil
        let count = (names[job.announcement.name] ?? 0) - 1
        names[job.announcement.name] = count > 0 ? count : nil
        return job
    }
}

extension TextJob {
    /// What it takes in the queue.
    fileprivate var size: Int {
        announcement.content.text.reduce(256 + announcement.name.bytes.count) { $0 + $1.count }
    }
}
