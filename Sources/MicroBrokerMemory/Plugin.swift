public import MicroCore

extension Plugin {
    /// The broker of one process, chosen with `MICRO_BROKER=memory`.
    public static var memoryBroker: Self {
        Plugin(.broker, "memory", summary: "events within one process") { _ in MemoryBroker() }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .memoryBroker }
