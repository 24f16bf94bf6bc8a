import Logging
import MicroCore
import MicroHTTP1
import MicroPluginKit
import Synchronization

/// The listener of a scrape address, which all services and clients of the process share that have this address.
///
/// The first that runs opens it, and the last one closes it. They share the metrics as well, since an address has one
/// page.
final class ScrapeServer: Sendable {
    private enum Phase {
        case closed
        /// Somebody opens or closes it; the latch opens when that is done.
        case changing(Latch)
        case open(HTTP1Server)
    }

    private struct State {
        var phase = Phase.closed
        var users = 0
    }

    private struct WeakServer {
        weak var server: ScrapeServer?
    }

    /// How long a scrape may go on when the listener closes.
    private static let patience = Duration.seconds(1)

    private static let known = Mutex<[ListenAddress: WeakServer]>([:])

    let registry: MetricRegistry
    private let requested: ListenAddress
    private let state = Mutex(State())

    private init(_ address: ListenAddress, _ registry: MetricRegistry) {
        requested = address
        self.registry = registry
    }

    /// Returns the server of an address; a port that the system chooses is for one user alone.
    static func shared(_ address: ListenAddress, registry: () -> MetricRegistry) -> ScrapeServer {
        guard address.hostPort?.port != 0 else { return ScrapeServer(address, registry()) }
        return known.withLock { known in
            known = known.filter { $0.value.server != nil }
            if let server = known[address]?.server { return server }
            let new = ScrapeServer(address, registry())
            known[address] = WeakServer(server: new)
            return new
        }
    }

    /// The address that is bound, while it is.
    var address: ListenAddress? {
        if case .open(let server) = state.withLock(\.phase) { server.address } else { nil }
    }

    /// Serves until the task is cancelled.
    ///
    /// - Parameter onOpen: Called when it listens.
    /// - Throws: A ``StartError`` that names the address.
    func run(onOpen: () -> Void) async throws {
        try await enter()
        onOpen()
        await Latch().wait()
        await leave()
    }

    private func enter() async throws {
        while true {
            let change = Latch()
            let phase = state.withLock { state in
                let phase = state.phase
                switch phase {
                case .closed:
                    state.phase = .changing(change)
                    state.users += 1
                case .open: state.users += 1
                case .changing: break
                }
                return phase
            }
            switch phase {
            case .open: return
            case .changing(let other): try await other.waitUnlessCancelled()
            case .closed: return try await open(change)
            }
        }
    }

    private func open(_ change: Latch) async throws {
        defer { change.open() }
        do {
            var limits = HTTP1Limits()
            limits.maximumBodySize = 0
            limits.maximumConnections = 64
            let responder = ScrapeResponder(registry: registry)
            let server = try await HTTP1Server.open(on: requested, limits: limits) { responder.answer($0) }
            state.withLock { $0.phase = .open(server) }
            Logger.current.info(
                "Metrics can be scraped.", metadata: ["server.address": "\(server.address)"])
        } catch {
            state.withLock { state in
                state.phase = .closed
                state.users -= 1
            }
            throw error
        }
    }

    private func leave() async {
        let change = Latch()
        let server = state.withLock { state -> HTTP1Server? in
            state.users -= 1
            guard state.users == 0, case .open(let server) = state.phase else { return nil }
            state.phase = .changing(change)
            return server
        }
        guard let server else { return }
        // The task may be cancelled, which ends the scrapes at once.
        await server.shutdown(deadline: .now + Self.patience)
        state.withLock { $0.phase = .closed }
        change.open()
    }
}
