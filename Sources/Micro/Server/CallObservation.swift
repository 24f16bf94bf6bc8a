internal import Logging
import MicroCore
internal import Synchronization

/// What watches the calls that a service answers: its metrics, its log of calls, and its tracer.
///
/// It is put around what runs for an endpoint when that is resolved; where nobody watches, nothing is.
final class CallObservation: Sendable {
    private let metrics: EngineMetrics?
    private let tracing: EngineTracing?
    private let log: CallLog?

    /// What is known of calls that no endpoint answers.
    private let unknown: CallInstruments?

    /// Those of each endpoint, by name.
    private let known = Mutex<[String: CallInstruments]>([:])

    init(_ metrics: EngineMetrics?, _ tracing: EngineTracing?, log: CallLog?) {
        self.metrics = metrics
        self.tracing = tracing
        self.log = log
        unknown = metrics.map { CallInstruments($0, .server, method: MetricLabels.other) }
    }

    /// Nobody watches.
    static var none: CallObservation { CallObservation(nil, nil, log: nil) }

    /// Returns what runs for the calls of an endpoint, with what watches them around it.
    ///
    /// Whatever else is put around belongs inside of it, such as what makes calls wait.
    func around(_ served: [ServedSubtype], of endpoint: EndpointInfo) -> [ServedSubtype] {
        let observer = observer(of: endpoint)
        // Health is asked every few seconds, and would be most of all traces.
        let tracer =
            endpoint.isInternal ? nil : tracing.map { CallTracing(tracing: $0, endpoint: endpoint.name) }
        return served.map { subtype in
            let observed = observer?.around(subtype.acceptance) ?? subtype.acceptance
            return ServedSubtype(name: subtype.name, acceptance: tracer?.around(observed) ?? observed)
        }
    }

    /// Records a call that was refused before anything ran for it.
    ///
    /// - Parameters:
    ///   - head: The call.
    ///   - error: Why.
    ///   - endpoint: The name of the endpoint, if the service has it.
    func refused(_ head: CallHead, _ error: MicroError, endpoint: String?) {
        guard metrics != nil || log != nil else { return }
        let instruments = endpoint.flatMap { name in known.withLock { $0[name] } } ?? unknown
        instruments?.refused(error.status)
        log?.ended(
            CallLog.Entry(
                endpoint: endpoint ?? head.path.printable(limit: 100), head: head, duration: 0,
                status: error.status, received: 0, sent: 0, isUnary: false), duration: 0)
    }

    private func observeLimits(
        of endpoint: EndpointInfo, _ metrics: EngineMetrics, labels: [(String, String)]
    ) {
        metrics.observe(.serverLimit) {
            endpoint.overload?.limit.map { [MetricReading(Double($0), labels: labels)] } ?? []
        }
        metrics.observe(.serverQueued) {
            endpoint.overload.map { [MetricReading(Double($0.queued), labels: labels)] } ?? []
        }
        metrics.observe(.serverRefused) {
            (endpoint.overload?.refused ?? [:]).map { reason, count in
                MetricReading(Double(count), labels: labels + [(MetricLabels.reason, reason.rawValue)])
            }
        }
    }

    private func observer(of endpoint: EndpointInfo) -> CallObserver? {
        let instruments = metrics.map { metrics in
            let instruments = CallInstruments(metrics, .server, method: endpoint.name)
            metrics.observe(.serverActive) {
                [MetricReading(Double(instruments.activeCalls), labels: instruments.labels)]
            }
            known.withLock { $0[endpoint.name] = instruments }
            if endpoint.admission != nil { observeLimits(of: endpoint, metrics, labels: instruments.labels) }
            return instruments
        }
        // As for traces; and anybody who follows the log would see that.
        let log = endpoint.isInternal ? nil : log
        guard instruments != nil || log != nil else { return nil }
        return CallObserver(endpoint: endpoint.name, instruments: instruments, log: log)
    }
}

/// What watches the calls of one endpoint.
private struct CallObserver: Sendable {
    let endpoint: String
    let instruments: CallInstruments?
    let log: CallLog?

    func around(_ decision: CallDecision) -> CallDecision {
        switch decision {
        case .unary(let run, let policy): .unary(unary(run), policy)
        case .serverStream(let run, let policy): .serverStream(serverStream(run), policy)
        case .stream(let run, let policy): .stream(stream(run), policy)
        case .refuse: decision
        }
    }

    private func unary(_ run: @escaping UnaryRun) -> UnaryRun {
        { head, message async throws(MicroError) in
            let start = begin()
            instruments?.request(message.count)
            do throws(MicroError) {
                let reply = try await run(head, message)
                instruments?.response(reply.message.count)
                ended(head, start, nil, received: message.count, sent: reply.message.count, isUnary: true)
                return reply
            } catch {
                ended(head, start, error, received: message.count, sent: 0, isUnary: true)
                throw error
            }
        }
    }

    private func serverStream(_ run: @escaping ServerStreamRun) -> ServerStreamRun {
        { head, message, stream async throws(MicroError) in
            let (start, stream) = (begin(), ObservedStream(stream, instruments))
            instruments?.request(message.count)
            do throws(MicroError) {
                let trailer = try await run(head, message, stream)
                ended(head, start, nil, received: message.count, sent: stream.sentBytes)
                return trailer
            } catch {
                ended(head, start, error, received: message.count, sent: stream.sentBytes)
                throw error
            }
        }
    }

    private func stream(_ run: @escaping StreamRun) -> StreamRun {
        { head, stream async throws(MicroError) in
            let (start, stream) = (begin(), ObservedStream(stream, instruments))
            do throws(MicroError) {
                let trailer = try await run(head, stream)
                ended(head, start, nil, received: stream.receivedBytes, sent: stream.sentBytes)
                return trailer
            } catch {
                ended(head, start, error, received: stream.receivedBytes, sent: stream.sentBytes)
                throw error
            }
        }
    }

    private func begin() -> Uptime { instruments?.began() ?? .now }

    private func ended(
        _ head: CallHead, _ start: Uptime, _ error: MicroError?, received: Int, sent: Int,
        isUnary: Bool = false
    ) {
        let end = Uptime.now
        let status = error.map { Self.status($0, head, end) } ?? .ok
        instruments?.ended(from: start, to: end, status) { head.metadata }
        let duration = max(0, end.nanoseconds &- start.nanoseconds)
        log?.ended(
            CallLog.Entry(
                endpoint: endpoint, head: head, duration: duration, status: status, received: received,
                sent: sent, isUnary: isUnary), duration: duration)
    }

    /// The status that the caller sees: a deadline that passes cancels the handler's task.
    private static func status(_ error: MicroError, _ head: CallHead, _ end: Uptime) -> RPCStatus {
        guard error.status == .cancelled, let deadline = head.uptimeDeadline, deadline <= end else {
            return error.status
        }
        return .deadlineExceeded
    }
}

/// A stream of a call whose messages are measured.
private final class ObservedStream: ServerCallStream {
    private let base: any ServerCallStream
    private let instruments: CallInstruments?
    private let received = Atomic<Int>(0)
    private let sent = Atomic<Int>(0)

    init(_ base: any ServerCallStream, _ instruments: CallInstruments?) {
        self.base = base
        self.instruments = instruments
    }

    var receivedBytes: Int { received.load(ordering: .relaxed) }

    var sentBytes: Int { sent.load(ordering: .relaxed) }

    func receive() async throws(MicroError) -> EncodedMessage? {
        guard let message = try await base.receive() else { return nil }
        received.wrappingAdd(message.count, ordering: .relaxed)
        instruments?.request(message.count)
        return message
    }

    func send(_ message: EncodedMessage) async throws(MicroError) {
        try await base.send(message)
        sent.wrappingAdd(message.count, ordering: .relaxed)
        instruments?.response(message.count)
    }

    func sendMetadata(_ metadata: Metadata) async throws(MicroError) {
        try await base.sendMetadata(metadata)
    }

    func sendMetadata(_ metadata: Metadata, compression: Compression) async throws(MicroError) {
        try await base.sendMetadata(metadata, compression: compression)
    }
}
