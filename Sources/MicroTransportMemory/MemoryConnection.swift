import MicroCore
import Synchronization

/// A client's connection to a listener of the process.
final class MemoryConnection: Connection {
    private static let lastNumber = Atomic(0)

    private let listener: MemoryListener
    private let configuration: MemoryTransport.Configuration
    private let calls = CallSet()
    private let peer: Peer

    init(to listener: MemoryListener, configuration: MemoryTransport.Configuration) {
        self.listener = listener
        self.configuration = configuration
        let number = Self.lastNumber.wrappingAdd(1, ordering: .relaxed).newValue
        peer = Peer(address: "memory:client-\(number)", isLocal: true)
    }

    var isUsable: Bool { !calls.isClosed && listener.isAccepting }

    var activeCalls: Int { calls.count }

    func unary(_ head: CallHead, _ message: EncodedMessage) async throws(MicroError) -> UnaryReply {
        let call = try begin(head)
        // What hinders the request ends the call as well, and the answer tells it.
        try? await call.send(message)
        call.finishRequest()
        guard let reply = try await call.receive() else {
            throw MicroError(.internal, "The server has ended the call without an answer.")
        }
        if try await call.receive() != nil {
            call.cancel()
            throw MicroError(.internal, "The server has answered with more than one message.")
        }
        return UnaryReply(
            reply, metadata: try await call.metadata(), trailingMetadata: call.trailingMetadata)
    }

    func open(_ head: CallHead) async throws(MicroError) -> any ClientCallStream { try begin(head) }

    func close(deadline: ContinuousClock.Instant) async {
        await calls.drain(
            until: deadline,
            MicroError(.unavailable, "The connection to \(listener.address) was closed by this side."))
    }

    private func begin(_ head: CallHead) throws(MicroError) -> MemoryCall {
        if Task.isCancelled {
            throw MicroError(.cancelled, "The caller's task is cancelled.", processed: .no)
        }
        if let deadline = head.deadline, deadline <= .now {
            throw MicroError(.deadlineExceeded, "The deadline passed before the call began.", processed: .no)
        }
        var inbound = head
        inbound.peer = peer
        let call = MemoryCall(
            inbound, server: listener.configuration, client: configuration,
            onEnd: { [calls] call in calls.remove(call) })
        guard calls.insert(call) else { throw gone("The connection to \(listener.address) is closed.") }
        guard listener.serve(call) else {
            calls.remove(call)
            throw gone("The server at \(listener.address) accepts no more calls.")
        }
        return call
    }

    private func gone(_ detail: String) -> MicroError {
        MicroError(.unavailable, detail, processed: .no)
    }
}
