import MicroCore

/// A server that listens within the process.
final class MemoryListener: Listener {
    let address: ListenAddress
    let configuration: MemoryTransport.Configuration

    private let handler: any CallHandler
    private let calls = CallSet()

    init(address: ListenAddress, handler: any CallHandler, configuration: MemoryTransport.Configuration) {
        self.address = address
        self.handler = handler
        self.configuration = configuration
    }

    var isAccepting: Bool { !calls.isClosed }

    /// Starts a call's handler.
    ///
    /// - Parameter call: The call, of which only the head is there.
    /// - Returns: Whether it was listening.
    func serve(_ call: MemoryCall) -> Bool {
        guard calls.insert(call) else { return false }
        let acceptance = handler.accept(call.head)
        if case .refuse(let error) = acceptance {
            call.end(.failure(error))
            calls.remove(call)
            return true
        }
        call.expect(acceptance)
        // The one unstructured task of an inbound call. No task of the server waits here that could
        // be its parent, and the caller's must not be: a handler inherits nothing of its caller. The
        // call holds the task and cancels it, and the listener isn't closed before the set is empty.
        call.attach(
            Task.detached { [calls] in
                await call.serve(acceptance)
                calls.remove(call)
            })
        return true
    }

    func shutdown(deadline: ContinuousClock.Instant) async {
        MemoryAddresses.release(self)
        await calls.drain(
            until: deadline, MicroError(.unavailable, "The server at \(address) has shut down."))
    }
}
