internal import Micro
public import MicroCore

extension Plugin {
    /// The gRPC reflection endpoints of every service; `MICRO_REFLECTION` says who may call them.
    public static var reflectionComponent: Self {
        Plugin(
            .component, "reflection",
            settings: CallerRule.settings(
                "reflection",
                "gRPC's reflection: for callers on the same machine, or with `open` for everybody"),
            summary: "grpc.reflection: what a service has, for tools"
        ) { context in
            let rule = try CallerRule("reflection", context)
            guard !rule.isOff else { return NoComponent() }
            return Reflection(rule: rule)
        }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .reflectionComponent }
