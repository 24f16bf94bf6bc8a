internal import MicroCore
internal import MicroPluginKit

/// The states that a program has set, and who wants to know of changes.
final class HealthBoard: Sendable {
    private let content = Broadcast<[String: HealthState], Void>([:])

    var states: [String: HealthState] { content.value }

    func set(_ state: HealthState?, for service: String) {
        content.send(()) { $0[service] = state }
    }

    /// A signal for each change; several that nobody has read are one.
    var changes: AsyncStream<Void> { content.listen(limit: 1) }
}
