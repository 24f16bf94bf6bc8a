internal import Micro
public import MicroCore

extension Plugin {
    /// The gRPC health endpoints of every service; `MICRO_HEALTH=off` takes them away.
    public static var healthComponent: Self {
        Plugin(.component, "health", summary: "grpc.health.v1: whether a service can be given calls") {
            context in
            let isOff = try CallerRule("health", context).isOff
            guard !isOff else { return NoComponent() }
            return Health()
        }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .healthComponent }
