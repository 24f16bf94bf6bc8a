public import MicroCore

extension Plugin {
    /// The registry of one process, chosen with `MICRO_REGISTRY=memory`.
    public static var memoryRegistry: Self {
        Plugin(.registry, "memory", summary: "the services of one process") { _ in MemoryRegistry.shared }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .memoryRegistry }
