import NIOCore

@testable import MicroNATS

/// The machine of a client in a time that the test advances, with a server whose words the test writes.
final class VirtualClient {
    var machine: NATSMachine
    let outbox: Outbox

    /// The time since the beginning.
    private(set) var elapsed = TimeAmount.zero
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private var parser = NATSParser()

    init(_ change: (inout NATSClient.Configuration) -> Void = { _ in }) {
        var configuration = NATSClient.Configuration(servers: [NATSServer(host: "a")])
        configuration.shufflesServers = false
        change(&configuration)
        outbox = Outbox(
            onlineLimit: configuration.writeBufferSize, offlineLimit: configuration.reconnectBufferSize)
        machine = NATSMachine(configuration: configuration, outbox: outbox)
    }

    var now: NIODeadline { start + elapsed }

    /// Takes what is to be done.
    func effects() -> [NATSMachine.Effect] {
        var effects: [NATSMachine.Effect] = []
        machine.takeEffects(into: &effects)
        return effects
    }

    /// Lets time pass, and returns what was to be done, and when.
    func advance(by time: TimeAmount) -> [(at: TimeAmount, effect: NATSMachine.Effect)] {
        var all = effects().map { (elapsed, $0) }
        let end = elapsed + time
        while let due = machine.deadline, due - start <= end {
            elapsed = due - start
            machine.poll(now: due)
            all += effects().map { (elapsed, $0) }
        }
        elapsed = end
        return all
    }

    /// Lets the server say something.
    func hear(_ text: String) throws {
        machine.heard()
        var buffer = ByteBuffer(string: text)
        while let operation = try parser.next(&buffer) { try machine.receive(operation, now: now) }
    }

    /// Opens the connection that is being opened, and lets the server greet it.
    func greet(_ info: String = "{\"max_payload\":1048576}") throws {
        parser = NATSParser()
        machine.opened(link: machine.lastLink, now: now)
        try hear("INFO \(info)\r\n")
    }

    /// Starts the client unless it has started, and lets the server admit it.
    func admit(_ info: String = "{\"max_payload\":1048576}") throws {
        if !machine.hasStarted { machine.start(now: now) }
        try greet(info)
        try hear("PONG\r\n")
    }

    /// Ends the connection.
    func cut() { machine.ended(link: machine.lastLink, now: now) }

    /// Writes what is to be written, and returns it.
    func write() -> String {
        var text = ""
        while let output = machine.nextOutput() {
            for part in [output.control, output.messages, output.pings] {
                text += part.map { String(buffer: $0) } ?? ""
            }
            machine.written()
        }
        return text
    }

    /// Publishes a message; returns why it is not taken, if it isn't.
    func publish(_ text: String, to subject: String = "n", reply: String? = nil) -> NATSError.Code? {
        let admission = outbox.add(ByteBuffer(string: text), to: subject, reply: reply, headers: nil)
        guard case .refused(let error) = admission else { return nil }
        return error.code
    }
}

extension [NATSMachine.Effect] {
    /// What somebody should know.
    var reports: [NATSMachine.Report] {
        compactMap { if case .report(let report) = $0 { report } else { nil } }
    }

    /// The error with which the client has ended; `nil` if it hasn't.
    var end: NATSError?? {
        for case .finished(let error) in self { return .some(error) }
        return nil
    }
}
