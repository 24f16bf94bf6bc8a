public import MicroCore

extension Plugin {
    /// The NATS broker, chosen with `MICRO_BROKER=nats`.
    public static var natsBroker: Self {
        Plugin(
            .broker, "nats", settings: NATSBroker.settings, summary: "NATS, with JetStream as an option"
        ) { context in
            NATSBroker(configuration: try NATSBroker.Configuration(context: context))
        }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .natsBroker }
