import Synchronization

/// A number that tasks count up.
final class Counter: Sendable {
    private let count = Atomic(0)

    var value: Int { count.load(ordering: .sequentiallyConsistent) }

    func increment() { count.wrappingAdd(1, ordering: .sequentiallyConsistent) }
}
