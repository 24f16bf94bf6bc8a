extension PluginRole where Interface == any Registry {
    /// The directory of services: `MICRO_REGISTRY`, mDNS by default.
    public static var registry: Self {
        PluginRole("registry", preferring: ["mdns", "memory"], meaning: "how services find each other")
    }
}
