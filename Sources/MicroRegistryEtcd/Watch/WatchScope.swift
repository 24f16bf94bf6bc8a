/// What is watched: one service, or all.
enum WatchScope: Hashable, Sendable {
    case service(String)
    case all

    /// The service; `nil` for all.
    var service: String? { if case .service(let name) = self { name } else { nil } }
}
