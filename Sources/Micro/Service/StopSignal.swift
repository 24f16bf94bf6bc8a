import MicroCore
internal import MicroPluginKit
internal import Synchronization

/// The time limits of a stop beside those of the configuration.
package struct StopLimits: Sendable {
    /// How long leaving the registry may take.
    package var deregistration: Duration

    /// How long hooks may take at least that run after the last call, and services that run beside, each.
    package var cleanUp: Duration

    /// How long a forced stop may take before the process is ended.
    package var forced: Duration

    package init(
        deregistration: Duration = .seconds(5), cleanUp: Duration = .seconds(5),
        forced: Duration = .seconds(5)
    ) {
        self.deregistration = deregistration
        self.cleanUp = cleanUp
        self.forced = forced
    }
}

/// The request to stop a service, and to stop at once.
final class StopSignal: Sendable {
    private struct State {
        var limit: Duration?
        var observer: (@Sendable () -> Void)?
    }

    /// The service is to stop.
    let stop = Latch()

    /// It is to stop without waiting for calls.
    let haste = Latch()

    private let state = Mutex(State())

    /// The limits of what has none in the configuration.
    let limits: StopLimits

    init(limits: StopLimits = StopLimits()) { self.limits = limits }

    /// How long an orderly stop may take, once the service knows.
    var limit: Duration? {
        get { state.withLock(\.limit) }
        set { state.withLock { $0.limit = newValue } }
    }

    /// Has a closure called once, when the service is to stop; at once if it is already.
    func whenRequested(_ observer: @escaping @Sendable () -> Void) {
        state.withLock { $0.observer = observer }
        if stop.isOpen { notify() }
    }

    func request() {
        stop.open()
        notify()
    }

    /// Calls the observer, unless that was done.
    private func notify() {
        let observer = state.withLock { state in
            defer { state.observer = nil }
            return state.observer
        }
        observer?()
    }

    /// Makes a service that is stopping stop without waiting for anything.
    func force() { haste.open() }

    /// The first cancellation of a service that runs makes it stop in order; if it is stopping, stop at once.
    func requestByCancellation() {
        if stop.isOpen { haste.open() }
        request()
    }
}
