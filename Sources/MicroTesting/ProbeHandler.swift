import MicroCore
import Synchronization

/// A call handler made of a closure, which counts the handlers that run.
final class ProbeHandler: CallHandler {
    private let decide: @Sendable (CallHead) -> CallDecision
    private let count = Atomic(0)

    init(_ decide: @escaping @Sendable (CallHead) -> CallDecision) { self.decide = decide }

    /// The number of handlers that run.
    var running: Int { count.load(ordering: .sequentiallyConsistent) }

    func accept(_ head: CallHead) -> CallDecision {
        switch decide(head) {
        case .unary(let run, let executionPolicy):
            .unary(
                { (head, message) async throws(MicroError) -> UnaryReply in
                    self.enter()
                    defer { self.leave() }
                    return try await run(head, message)
                }, executionPolicy)
        case .serverStream(let run, let executionPolicy):
            .serverStream(
                { (head, message, stream) async throws(MicroError) -> Metadata in
                    self.enter()
                    defer { self.leave() }
                    return try await run(head, message, stream)
                }, executionPolicy)
        case .stream(let run, let executionPolicy):
            .stream(
                { (head, stream) async throws(MicroError) -> Metadata in
                    self.enter()
                    defer { self.leave() }
                    return try await run(head, stream)
                }, executionPolicy)
        case .refuse(let error): .refuse(error)
        }
    }

    private func enter() { count.wrappingAdd(1, ordering: .sequentiallyConsistent) }
    private func leave() { count.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
}
