import MicroCore

/// A call handler made of a closure.
struct ClosureHandler: CallHandler {
    let decide: @Sendable (CallHead) -> Acceptance

    init(_ decide: @escaping @Sendable (CallHead) -> Acceptance) { self.decide = decide }

    func accept(_ head: CallHead) -> Acceptance { decide(head) }
}
