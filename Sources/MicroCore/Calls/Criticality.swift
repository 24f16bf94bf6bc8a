/// How much it matters that a call is answered while a service has more to do than it can.
///
/// A service that has to refuse calls refuses sheddable ones first and critical ones last. The calls that a handler
/// makes have the criticality of the call that it answers, unless their options say something else.
///
/// It travels in the metadata field `micro-criticality`.
public enum Criticality: String, Hashable, Sendable, CaseIterable {
    /// Nobody would notice for a while if it failed: prefetching, batch work, what is tried again anyway.
    case sheddable

    /// Everything that says nothing else.
    case `default`

    /// What people wait for, or what others can't go on without.
    case critical

    /// The metadata field in which it travels.
    package static let field = "micro-criticality"

    /// Reads what a caller says.
    ///
    /// - Parameter metadata: The metadata of a call; what isn't understood counts as ``default``.
    package init(_ metadata: Metadata) {
        self = metadata.isEmpty ? .default : metadata[Self.field].flatMap(Self.init(rawValue:)) ?? .default
    }
}

extension Criticality: Comparable {
    /// Returns whether a call matters less than another.
    public static func < (left: Criticality, right: Criticality) -> Bool { left.order < right.order }

    private var order: Int {
        switch self {
        case .sheddable: 0
        case .default: 1
        case .critical: 2
        }
    }
}
