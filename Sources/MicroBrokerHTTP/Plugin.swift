public import MicroCore

extension Plugin {
    /// The embedded broker, the default, chosen with `MICRO_BROKER=http`.
    public static var httpBroker: Self {
        Plugin(
            .broker, "http", settings: HTTPBroker.settings,
            summary: "events over HTTP, as go-micro's; nothing to install"
        ) { _ in
            HTTPBroker()
        }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .httpBroker }
