extension PluginRole where Interface == any Selector {
    /// The rule by which a client picks nodes: `MICRO_SELECTOR`, random by default.
    public static var selector: Self {
        PluginRole("selector", preferring: ["random"], meaning: "which node gets the next call")
    }
}
