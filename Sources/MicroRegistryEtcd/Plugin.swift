public import MicroCore

extension Plugin {
    /// The etcd registry, chosen with `MICRO_REGISTRY=etcd`.
    public static var etcdRegistry: Self {
        Plugin(
            .registry, "etcd", settings: EtcdRegistry.settings, summary: "etcd v3, as go-micro v2 uses it"
        ) { _ in EtcdRegistry() }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .etcdRegistry }
