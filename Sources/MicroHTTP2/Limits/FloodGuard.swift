import NIOCore

/// How much a peer may ask of us without making calls.
///
/// Frames that do nothing for a call, and calls that are reset as soon as they are made, cost the sender
/// little and us more. Each kind has an account: what does nothing is debited, and useful traffic and time
/// are credited. So busy peers, which send many small frames beside many calls, are never stopped, and those that
/// send nothing else are (RFC 9113, section 10.5).
package struct FloodGuard {
    /// Why a peer is refused, with `ENHANCE_YOUR_CALM`.
    package enum Offence: String, Sendable {
        case controlFrames = "The peer sent too many frames that do nothing for a call."
        case continuations = "The peer sent a header block in too many frames."
        case resets = "The peer reset too many calls, or made calls that had to be, as soon as they began."
        case headerBomb = "The peer sent a header block that is many times longer than allowed."
        case unfinishedHeaders = "The peer began a header block and did not end it in time."
    }

    /// How many times the limit a header block may have until its sender is taken for an attacker.
    static let bombFactor = 16

    /// What a frame of the peer's SETTINGS costs, which have to be applied and acknowledged.
    private static let settingsCost: Int32 = 8

    /// What a new call is worth, and a frame of an answer, which a peer may acknowledge in several frames.
    private static let callCredit: Int32 = 4

    /// What a call that ended as calls do is worth against ones that are reset.
    private static let completionCredit: Int32 = 2

    /// What each second is worth.
    private static let framesPerSecond: Int64 = 100
    private static let resetsPerSecond: Int64 = 50

    private let frameCapacity: Int32
    private let resetCapacity: Int32
    private let continuationLimit: Int32

    /// Whether header blocks that begin no call are charged by their length: requests have short trailers or
    /// none, while the heads of answers come in any order.
    private let chargesLength: Bool
    private var frames: Int32
    private var resets: Int32
    private var continuations: Int32 = 0
    private var lastStream: UInt32 = 0
    private var lastAccrual: NIODeadline

    /// What the peer has done, once it is more than it may.
    private(set) var offence: Offence?

    init(_ limits: HTTP2Limits, role: HTTP2Role, now: NIODeadline) {
        chargesLength = role == .server
        frameCapacity = Int32(clamping: limits.controlFrameBudget)
        resetCapacity = Int32(clamping: limits.resetBudget)
        continuationLimit = Int32(clamping: limits.maximumContinuations)
        frames = frameCapacity
        resets = resetCapacity
        lastAccrual = now
    }

    /// Credits what the time since the last read is worth; called once a read.
    mutating func accrue(_ now: NIODeadline) {
        let passed = (now - lastAccrual).nanoseconds
        // Less is worth nothing yet, and is not forgotten.
        guard passed > 20_000_000 else { return }
        lastAccrual = now
        let capped = min(passed, 60_000_000_000)
        frames = min(frameCapacity, frames &+ Int32(capped * Self.framesPerSecond / 1_000_000_000))
        resets = min(resetCapacity, resets &+ Int32(capped * Self.resetsPerSecond / 1_000_000_000))
    }

    /// Records a frame that comes, before anything is done about it.
    mutating func frame(_ head: FrameHead) {
        switch head.kind {
        case FrameHead.Kind.data:
            // A short padded frame may have no data at all.
            if head.length == 0 || head.has(FrameHead.Flag.padded) && head.length <= 256 {
                if !head.has(FrameHead.Flag.endStream) { debit(1) }
            } else {
                credit(1)
            }
        case FrameHead.Kind.headers:
            continuations = 0
            if head.stream > lastStream {
                lastStream = head.stream
                credit(Self.callCredit)
            } else {
                // The end of a call, or nothing: what comes for one that is over is decoded and dropped.
                debit(chargesLength ? 1 &+ Int32(clamping: head.length >> 10) : 1)
            }
        case FrameHead.Kind.continuation:
            continuations &+= 1
            if continuations > continuationLimit { offence = offence ?? .continuations }
            debit(1)
        case FrameHead.Kind.settings:
            debit(head.has(FrameHead.Flag.ack) ? 1 : Self.settingsCost)
        default:
            debit(1)
        }
    }

    /// Records a part of an answer that went out.
    mutating func dataSent() { credit(Self.callCredit) }

    /// Records a call that the peer reset at once, or made wrongly, or beyond the limit.
    mutating func streamWasted() {
        resets &-= 1
        if resets < 0 { offence = offence ?? .resets }
    }

    /// Records a call that ended as calls do.
    mutating func streamCompleted() { resets = min(resetCapacity, resets &+ Self.completionCredit) }

    /// Records an offence that is seen elsewhere.
    mutating func note(_ offence: Offence) { self.offence = self.offence ?? offence }

    private mutating func debit(_ count: Int32) {
        frames &-= count
        if frames < 0 { offence = offence ?? .controlFrames }
    }

    private mutating func credit(_ count: Int32) { frames = min(frameCapacity, frames &+ count) }
}
