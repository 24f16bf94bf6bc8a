public import Micro
internal import MicroCore

/// The endpoints `grpc.health.v1.Health`, by which load balancers and others learn whether a service can be
/// given calls.
///
/// A service that links `MicroHealth` has them. It is serving once it is in the registry, and no longer when
/// it begins to stop. To say more than that, a program adds its own:
///
/// ```swift
/// let health = Health()
/// let service = MicroService("greeter") {
///     Greeter()
///     health
/// }
/// health.set(.notServing, for: "greeter.Greeter")
/// ```
///
/// States are known by the names of Protobuf services, such as `greeter.Greeter`, and by the name under which
/// the service is registered, which stands for all of it, as the empty name does.
public final class Health: ServiceComponent {
    private let board = HealthBoard()

    /// Creates endpoints for which nothing is set.
    public init() {}

    /// Sets the state of a Protobuf service, or of the whole process.
    ///
    /// It counts while the service is serving: one that starts or stops is not, whatever was set.
    ///
    /// - Parameters:
    ///   - state: The state; `nil` for the one that follows from the service's start and end.
    ///   - service: The name, such as `greeter.Greeter`; the whole process if empty.
    public func set(_ state: HealthState?, for service: String = "") { board.set(state, for: service) }

    /// Adds the endpoints to a service.
    public func contribute(to contents: inout ServiceContents) {
        Grpc_Health_V1_Health.Endpoints(HealthService(board: board)).asInternal().contribute(to: &contents)
    }
}

/// Whether something can be given calls.
public struct HealthState: Hashable, Sendable {
    let isServing: Bool

    /// It can.
    public static var serving: Self { Self(isServing: true) }

    /// It can't, at the moment.
    public static var notServing: Self { Self(isServing: false) }
}
