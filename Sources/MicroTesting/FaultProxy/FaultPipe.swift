import NIOCore

/// One direction of a connection: it holds back, changes and hands on what comes in.
///
/// It is confined to the relay's loop.
final class FaultPipe {
    /// How a sender ends.
    enum Ending {
        /// It sends nothing more.
        case end

        /// It is gone.
        case reset
    }

    private enum Content {
        case bytes(ByteBuffer)
        case ending(Ending)
    }

    private struct Parcel {
        var content: Content
        let due: NIODeadline
    }

    /// How much is held before nothing more is read, or datagrams are lost.
    private static let capacity = 1 << 20

    /// How long a datagram waits for another one to be overtaken by.
    private static let reorderingTime = TimeAmount.milliseconds(50)

    let direction: FaultProxy.Direction

    /// Where it goes on; `nil` once the connection is closed.
    weak var connection: RelayedConnection?

    /// How bytes travel.
    var conditions = FaultProxy.Conditions() {
        didSet { if conditions != oldValue { pump() } }
    }

    /// How many bytes may still pass before the script goes on; `nil` if it doesn't wait for that.
    var gate: Int?

    private let isStream: Bool
    private let loop: any EventLoop
    private var parcels = CircularBuffer<Parcel>()
    private var byteCount = 0
    private var hasEnded = false
    private var isPumping = false

    /// When the next bytes may pass, if they are throttled.
    private var nextPass = NIODeadline.distantPast
    private var timer: Scheduled<Void>?

    /// A datagram that the next one is to overtake.
    private var overtaken: ByteBuffer?

    /// Chance has two sources, so that the number of reads does not decide which bytes are changed.
    private var chance: SeededGenerator
    private var noise: SeededGenerator

    init(
        _ direction: FaultProxy.Direction, _ network: FaultProxy.Network, loop: any EventLoop, seed: UInt64,
        connection number: Int
    ) {
        self.direction = direction
        self.loop = loop
        isStream = network == .tcp
        let stream = (number &+ 1) &* 4 &+ (direction == .toServer ? 0 : 1)
        chance = SeededGenerator(seed, stream)
        noise = SeededGenerator(seed, stream &+ 2)
    }

    // MARK: - What comes in

    func receive(_ bytes: ByteBuffer) {
        guard !hasEnded, conditions.flow != .swallowed else { return }
        guard !isStream else { return append(.bytes(bytes)) }
        // Each datagram draws the same numbers, whatever becomes of it.
        let isLost = chance.happens(conditions.loss)
        let isDoubled = chance.happens(conditions.duplication)
        let isOvertaken = chance.happens(conditions.reordering)
        guard !isLost, byteCount + bytes.readableBytes <= Self.capacity else { return }
        for _ in 0..<(isDoubled ? 2 : 1) {
            if let first = overtaken {
                overtaken = nil
                append(.bytes(bytes))
                append(.bytes(first))
            } else if isOvertaken {
                overtaken = bytes
                loop.assumeIsolated().scheduleTask(in: Self.reorderingTime) { self.releaseOvertaken() }
            } else {
                append(.bytes(bytes))
            }
        }
    }

    /// Takes the end of what the sender sends: behind all bytes, or in their place if it was reset.
    func end(_ ending: Ending) {
        guard ending == .reset || !hasEnded else { return }
        if ending == .reset { dropAll() }
        hasEnded = true
        append(.ending(ending))
    }

    /// Ends the direction in place of what has not passed yet; datagrams have no end.
    func cutOff() {
        guard isStream else { return }
        dropAll()
        hasEnded = false
        end(.end)
    }

    private func dropAll() {
        overtaken = nil
        parcels.removeAll()
        byteCount = 0
    }

    private func releaseOvertaken() {
        guard let bytes = overtaken else { return }
        overtaken = nil
        append(.bytes(bytes))
    }

    private func append(_ content: Content) {
        var delay = conditions.latency
        if conditions.jitter > .zero { delay += conditions.jitter * Double.random(in: 0...1, using: &chance) }
        let due = NIODeadline.now() + TimeAmount(delay)
        parcels.append(Parcel(content: content, due: max(due, parcels.last?.due ?? due)))
        if case .bytes(let bytes) = content { byteCount += bytes.readableBytes }
        pump()
    }

    // MARK: - What goes out

    /// Hands on what may pass now.
    func pump() {
        // A step of the script that follows from what passes comes back here.
        guard !isPumping else { return }
        isPumping = true
        timer?.cancel()
        timer = nil
        while let first = parcels.first, let connection, connection.takes(direction) {
            let ready = max(first.due, nextPass)
            guard ready <= .now() else {
                timer = loop.assumeIsolated().scheduleTask(deadline: ready) { self.pump() }
                break
            }
            guard handOn(first, to: connection) else { break }
        }
        isPumping = false
        connection?.setReading(conditions.flow != .stalled && byteCount < Self.capacity, from: direction)
    }

    /// Stops everything, since the connection is closed.
    func stop() {
        timer?.cancel()
        timer = nil
        dropAll()
        connection = nil
    }

    /// Hands on the first parcel, or a part of it.
    ///
    /// - Returns: Whether another one may follow.
    private func handOn(_ first: Parcel, to connection: RelayedConnection) -> Bool {
        guard conditions.flow != .stalled else { return false }
        switch first.content {
        case .ending(let ending):
            guard conditions.flow == .passing else { return false }
            parcels.removeFirst()
            connection.handOn(ending, direction)
        case .bytes(var bytes):
            parcels.removeFirst()
            if let slice = bytes.readSlice(length: portion(of: bytes.readableBytes)) {
                if bytes.readableBytes > 0 {
                    parcels.prepend(Parcel(content: .bytes(bytes), due: first.due))
                }
                handOn(slice, to: connection)
            }
        }
        return true
    }

    private func handOn(_ bytes: ByteBuffer, to connection: RelayedConnection) {
        let count = bytes.readableBytes
        byteCount -= count
        if let rate = conditions.bytesPerSecond {
            let seconds = Double(count) / Double(max(rate, 1))
            nextPass = max(nextPass, .now()) + .nanoseconds(Int64(min(seconds, 86_400) * 1e9))
        }
        connection.handOn(changed(bytes), direction)
        guard let left = gate else { return }
        gate = left > count ? left - count : nil
        if gate == nil { connection.script.advance() }
    }

    /// How many of the first bytes may pass at once: as many as come in 20 ms, and none behind the gate.
    private func portion(of count: Int) -> Int {
        guard isStream else { return count }
        let rate = conditions.bytesPerSecond.map { max($0 / 50, 1) } ?? count
        return min(count, rate, max(gate ?? count, 1))
    }

    private func changed(_ bytes: ByteBuffer) -> ByteBuffer {
        guard conditions.corruption > 0 else { return bytes }
        var changed = bytes
        changed.withUnsafeMutableReadableBytes { raw in
            for index in raw.indices where noise.happens(conditions.corruption) {
                raw[index] ^= 1 << UInt8.random(in: 0..<8, using: &noise)
            }
        }
        return changed
    }
}
