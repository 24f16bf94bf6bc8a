extension PluginRole where Interface == any Broker {
    /// The way for events to travel: `MICRO_BROKER`, HTTP by default.
    public static var broker: Self {
        PluginRole("broker", preferring: ["http", "memory"], meaning: "how events travel")
    }
}
