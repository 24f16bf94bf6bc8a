public import MicroCore

extension Plugin {
    /// The mDNS registry, chosen with `MICRO_REGISTRY=mdns`, and the default.
    public static var mdnsRegistry: Self {
        Plugin(
            .registry, "mdns", settings: MDNSRegistry.settings,
            summary: "multicast DNS, as go-micro v2 speaks it"
        ) { context in
            MDNSRegistry(configuration: try MDNSRegistry.Configuration(context: context))
        }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .mdnsRegistry }
