internal import Micro
public import MicroCore

extension Plugin {
    /// The gRPC health endpoints of every service; `MICRO_HEALTH=off` takes them away.
    public static var healthComponent: Self {
        Plugin(
            .component, "health", settings: [isOn.declaration],
            summary: "grpc.health.v1: whether a service can be given calls"
        ) { context in
            guard try context.settings[isOn] else { return NoComponent() }
            return Health()
        }
    }

    private static let isOn = Setting(
        "health", .choice(["on": true, "off": false]), default: true, scope: .shared,
        "whether gRPC's health endpoints are there")
}

@section("micro_plugins") @used
private let record: PluginRecord = { .healthComponent }
