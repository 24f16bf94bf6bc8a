public import MicroCore

extension Plugin {
    /// The transport within one process, for nodes with the metadata `protocol=memory`.
    public static var memoryTransport: Self {
        Plugin(.transport, "memory", provides: ["memory/memory"], summary: "calls within one process") { _ in
            MemoryTransport()
        }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .memoryTransport }
