import Logging
import MicroCore
import MicroHTTP1
import MicroPluginKit
import MicroTLS
import MicroWire
import Synchronization

/// The server that events are posted to, and the subscriptions that they are for.
///
/// It listens from the first subscription on.
final class EventReceiver: Sendable {
    private enum Phase {
        case closed
        case opening(Latch)
        case open(HTTP1Server)
        case ended
    }

    private struct State {
        var phase = Phase.closed
        var subscriptions: [String: HTTPSubscription] = [:]
    }

    private let state = Mutex(State())

    /// Limits the warnings that anyone who reaches the port can cause.
    private let throttle = LogThrottle(burst: 20)

    /// The budget of requests that are for no subscription.
    private let strangersBudget = HTTP1BodyBudget()

    /// The open subscriptions.
    var subscriptions: [HTTPSubscription] { state.withLock { Array($0.subscriptions.values) } }

    func add(_ subscription: HTTPSubscription) {
        state.withLock { $0.subscriptions[subscription.id] = subscription }
    }

    func remove(id: String) { state.withLock { $0.subscriptions[id] = nil } }

    /// Returns the address that is bound; begins to listen if nobody has.
    ///
    /// - Throws: A ``StartError`` that names the address or certificate that can't be used.
    func address(_ configuration: HTTPBroker.Configuration) async throws -> ListenAddress {
        while true {
            let opening = Latch()
            let phase = state.withLock { state in
                let phase = state.phase
                if case .closed = phase { state.phase = .opening(opening) }
                return phase
            }
            switch phase {
            case .open(let server):
                return server.address
            case .ended:
                throw MicroError(.unavailable, "The broker has stopped.", processed: .no)
            case .opening(let other):
                await other.wait()
                try Task.checkCancellation()
            case .closed:
                defer { opening.open() }
                try await open(configuration)
            }
        }
    }

    private func open(_ configuration: HTTPBroker.Configuration) async throws {
        do {
            let tls = try configuration.tls.map { try TLSContext($0, role: .server, alpn: ["http/1.1"]) }
            if tls == nil {
                SecurityWarning.plaintext(
                    "Events travel", at: configuration.address,
                    advice: "Set MICRO_TLS_CERT, MICRO_TLS_KEY and MICRO_TLS_CA.")
            }
            let server = try await HTTP1Server.open(
                on: configuration.address, limits: configuration.limits, tls: tls,
                budget: { [self] target in subscription(target)?.budget ?? strangersBudget }
            ) { [self, logger = Logger.current] request in
                // The server's tasks know nothing of the service's logger.
                await withLogger(logger) { _ in await answer(request) }
            }
            let isEnded = state.withLock { state in
                if case .ended = state.phase { return true }
                state.phase = .open(server)
                return false
            }
            if isEnded { await server.shutdown(deadline: .now) }
        } catch {
            state.withLock { state in
                if case .opening = state.phase { state.phase = .closed }
            }
            throw error
        }
    }

    /// Closes the server; what it still answers is cancelled.
    func end() async {
        let phase = state.withLock { state in
            defer {
                state.phase = .ended
                state.subscriptions = [:]
            }
            return state.phase
        }
        if case .open(let server) = phase { await server.shutdown(deadline: .now) }
    }

    /// Answers a request as go-micro's broker does, except that it tells when nobody was there.
    private func answer(_ request: HTTP1Request) async -> HTTP1Response {
        guard request.method == "POST" else {
            return Responses.error(405, "Method not allowed", code: 400)
        }
        let event: BrokerEvent
        do {
            event = try EventEnvelope.decode(request.body)
        } catch {
            let detail = ((error as? MicroError)?.detail ?? "\(error)").printable()
            throttle.admit { suppressed in
                Logger.current.warning(
                    "An event can't be read.",
                    metadata: [
                        "client.address": "\(request.peer)", LogKeys.error: "\(detail)",
                        "suppressed": "\(suppressed)",
                    ])
            }
            return Responses.error(500, "Error parsing the request: \(detail)")
        }
        guard let subscription = subscription(request.target), subscription.options.topic == event.topic
        else {
            return Responses.error(404, "There is no such subscription of this topic.")
        }
        return await subscription.receive(event, attempt: AttemptField.read(request))
    }

    /// The subscription that a request is for.
    private func subscription(_ target: String) -> HTTPSubscription? {
        guard let id = QueryText.value("id", in: target) else { return nil }
        return state.withLock { $0.subscriptions[id] }
    }
}
