package import MicroCore

/// A call handler made of a closure.
package struct ClosureHandler: CallHandler {
    package let decide: @Sendable (CallHead) -> Acceptance

    package init(_ decide: @escaping @Sendable (CallHead) -> Acceptance) { self.decide = decide }

    package func accept(_ head: CallHead) -> Acceptance { decide(head) }
}
