import NIOCore

/// One end of a connection: the client's or the server's socket.
protocol RelayEnd: AnyObject {
    /// Whether the socket takes more at once.
    var isWritable: Bool { get }

    func write(_ bytes: ByteBuffer)

    /// Whether it is read from.
    func setReading(_ isReading: Bool)

    /// Says that nothing more comes, behind what was written; calls back when that is sent.
    func closeOutput(_ completion: @escaping () -> Void)

    /// Closes the socket; if it is reset, the peer gets an RST.
    func close(isReset: Bool)
}

/// A client's connection, with the one to the server that belongs to it.
///
/// It is confined to the relay's loop.
final class RelayedConnection {
    let number: Int
    let script: ScriptRun

    private let client: any RelayEnd
    private let pipes: Both<FaultPipe>
    private let connect: (RelayedConnection) -> Void
    private let onPass: (Int, FaultProxy.Direction) -> Void
    private let onClose: (RelayedConnection) -> Void
    private var server: (any RelayEnd)?
    private var hasClosedOutput = Both(toServer: false, toClient: false)
    private var hasSentEnd = Both(toServer: false, toClient: false)
    private var isConnecting = false
    private(set) var isClosed = false

    /// Creates a connection.
    ///
    /// - Parameters:
    ///   - number: Its number.
    ///   - client: The client's socket.
    ///   - pipes: What its bytes pass through.
    ///   - script: What becomes of it.
    ///   - connect: Opens the server's socket, and calls ``connected(to:)`` or ``cut()``.
    ///   - onPass: Called with the number of bytes that have passed.
    ///   - onClose: Called once it is closed.
    init(
        _ number: Int, client: any RelayEnd, pipes: Both<FaultPipe>, script: ScriptRun,
        connect: @escaping (RelayedConnection) -> Void,
        onPass: @escaping (Int, FaultProxy.Direction) -> Void,
        onClose: @escaping (RelayedConnection) -> Void
    ) {
        self.number = number
        self.client = client
        self.pipes = pipes
        self.script = script
        self.connect = connect
        self.onPass = onPass
        self.onClose = onClose
        pipes.toServer.connection = self
        pipes.toClient.connection = self
        script.connection = self
    }

    /// Begins under the present conditions, which the script may change at once.
    func begin(_ conditions: Both<FaultProxy.Conditions>) {
        apply(conditions)
        script.advance()
        openIfPassing()
    }

    // MARK: - Faults

    func apply(_ conditions: Both<FaultProxy.Conditions>) {
        for direction in FaultProxy.Direction.allCases { set(conditions[direction], direction) }
    }

    func set(_ conditions: FaultProxy.Conditions, _ direction: FaultProxy.Direction) {
        guard !isClosed else { return }
        pipes[direction].conditions = conditions
        openIfPassing()
    }

    func waitForBytes(_ count: Int, _ direction: FaultProxy.Direction) { pipes[direction].gate = count }

    func halfClose(_ direction: FaultProxy.Direction) {
        guard !isClosed, !hasClosedOutput[direction] else { return }
        pipes[direction].cutOff()
    }

    func cut() { close(isReset: true) }

    // MARK: - The sockets

    /// Connects to the server, as soon as bytes that go there pass.
    private func openIfPassing() {
        guard !isConnecting, !isClosed, script.hasBegun, pipes.toServer.conditions.flow == .passing else {
            return
        }
        isConnecting = true
        connect(self)
    }

    func connected(to server: any RelayEnd) {
        guard !isClosed else { return server.close(isReset: true) }
        self.server = server
        pump()
    }

    func received(_ bytes: ByteBuffer, _ direction: FaultProxy.Direction) {
        guard !isClosed else { return }
        pipes[direction].receive(bytes)
    }

    func received(_ ending: FaultPipe.Ending, _ direction: FaultProxy.Direction) {
        guard !isClosed else { return }
        pipes[direction].end(ending)
    }

    /// Goes on with what was held back, since a socket takes more.
    func pump() {
        guard !isClosed else { return }
        pipes.toServer.pump()
        pipes.toClient.pump()
    }

    private func end(of direction: FaultProxy.Direction) -> (any RelayEnd)? {
        direction == .toServer ? server : client
    }

    // MARK: - For the pipes

    /// Whether the far end of a direction takes more at once.
    func takes(_ direction: FaultProxy.Direction) -> Bool { end(of: direction)?.isWritable ?? false }

    func handOn(_ bytes: ByteBuffer, _ direction: FaultProxy.Direction) {
        onPass(bytes.readableBytes, direction)
        end(of: direction)?.write(bytes)
    }

    func handOn(_ ending: FaultPipe.Ending, _ direction: FaultProxy.Direction) {
        guard ending == .end else { return cut() }
        hasClosedOutput[direction] = true
        end(of: direction)?.closeOutput {
            self.hasSentEnd[direction] = true
            if self.hasSentEnd.toServer, self.hasSentEnd.toClient { self.close(isReset: false) }
        }
    }

    /// Reads from the sender of a direction, or does not.
    func setReading(_ isReading: Bool, from direction: FaultProxy.Direction) {
        end(of: direction.opposite)?.setReading(isReading)
    }

    private func close(isReset: Bool) {
        guard !isClosed else { return }
        isClosed = true
        script.stop()
        pipes.toServer.stop()
        pipes.toClient.stop()
        client.close(isReset: isReset)
        server?.close(isReset: isReset)
        onClose(self)
    }
}

/// Goes through the steps of a connection's script.
///
/// It is confined to the relay's loop.
final class ScriptRun {
    weak var connection: RelayedConnection?

    /// Whether the first steps were done, which hold before any byte passes.
    private(set) var hasBegun = false

    private let loop: any EventLoop
    private var steps: ArraySlice<FaultProxy.Step>
    private var timer: Scheduled<Void>?

    init(_ steps: [FaultProxy.Step], loop: any EventLoop) {
        self.steps = steps[...]
        self.loop = loop
    }

    /// Does the next steps, up to one that waits.
    func advance() {
        hasBegun = true
        while let connection, !connection.isClosed, let step = steps.popFirst() {
            switch step {
            case .conditions(let conditions, let direction):
                for each in FaultProxy.Direction.allCases where direction == nil || direction == each {
                    connection.set(conditions, each)
                }
            case .pass(let count, let direction):
                guard count > 0 else { continue }
                return connection.waitForBytes(count, direction)
            case .wait(let duration):
                timer = loop.assumeIsolated().scheduleTask(in: TimeAmount(duration)) { self.advance() }
                return
            case .halfClose(let direction): connection.halfClose(direction)
            case .cut: connection.cut()
            }
        }
    }

    func stop() {
        timer?.cancel()
        timer = nil
        steps = []
    }
}
