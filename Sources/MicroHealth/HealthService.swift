internal import Micro
internal import MicroCore
internal import SwiftProtobuf

/// Answers the calls of `grpc.health.v1.Health`.
struct HealthService: Grpc_Health_V1_Health.Service {
    typealias Status = Grpc_Health_V1_HealthCheckResponse.ServingStatus

    let board: HealthBoard

    func check(
        _ request: Grpc_Health_V1_HealthCheckRequest, context: RequestContext
    ) async throws -> Grpc_Health_V1_HealthCheckResponse {
        guard let status = HealthView(board, context.overview).status(of: request.service) else {
            throw MicroError(.notFound, "There is no service \"\(request.service.prefix(200))\" here.")
        }
        return .with { $0.status = status }
    }

    func list(
        _ request: Grpc_Health_V1_HealthListRequest, context: RequestContext
    ) async throws -> Grpc_Health_V1_HealthListResponse {
        let view = HealthView(board, context.overview)
        return .with { response in
            for name in view.names {
                guard let status = view.status(of: name) else { continue }
                response.statuses[name] = .with { $0.status = status }
            }
        }
    }

    /// Sends the state and its changes until the caller goes, or the service has told that it stops.
    func watch(
        _ request: Grpc_Health_V1_HealthCheckRequest,
        replies: MessageWriter<Grpc_Health_V1_HealthCheckResponse>, context: RequestContext
    ) async throws {
        let overview = context.overview
        let (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Signal the service's phases and the board's changes until the loop below has ended.
            group.addTask { for await _ in overview.phases { signal.yield() } }
            group.addTask { [changes = board.changes] in for await _ in changes { signal.yield() } }
            defer { group.cancelAll() }
            var told: Status?
            for await _ in signals {
                let phase = overview.phase
                let status = HealthView(board, overview).status(of: request.service) ?? .serviceUnknown
                if status != told { try await replies.write(.with { $0.status = status }) }
                told = status
                guard phase < .draining else {
                    throw MicroError(.unavailable, "The service \(overview.identity.name) is stopping.")
                }
            }
        }
    }
}

/// The states of a service at one moment.
struct HealthView {
    /// The names that a caller may ask for.
    let names: Set<String>

    private let states: [String: HealthState]
    private let isServing: Bool
    private let registeredName: String

    init(_ board: HealthBoard, _ overview: ServiceOverview) {
        let states = board.states
        let types = overview.endpoints.map { endpoint in
            // What stands behind the last dot is the method.
            endpoint.fullName.lastIndex(of: ".").map { String(endpoint.fullName[..<$0]) } ?? ""
        }
        names = Set(types).union(states.keys).union(["", overview.identity.name])
        isServing = overview.phase == .serving
        registeredName = overview.identity.name
        self.states = states
    }

    /// The state of a service, or `nil` if there is none of that name.
    func status(of name: String) -> HealthService.Status? {
        guard names.contains(name) else { return nil }
        guard isServing else { return .notServing }
        let state = states[name] ?? (name == registeredName ? states[""] : nil)
        return state == .notServing ? .notServing : .serving
    }
}
