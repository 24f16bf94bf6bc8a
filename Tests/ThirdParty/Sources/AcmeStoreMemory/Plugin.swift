import AcmeStore
import MicroCore

extension Plugin {
    /// The store in memory, chosen with `MICRO_STORE=memory`.
    public static var memoryStore: Self {
        Plugin(.store, "memory", settings: MemoryStore.settings, summary: "values of this process") { _ in
            MemoryStore()
        }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .memoryStore }
