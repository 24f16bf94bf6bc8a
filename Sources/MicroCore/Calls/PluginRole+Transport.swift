extension PluginRole where Interface == any Transport {
    /// The ways for calls to travel; a client uses each that a node speaks.
    public static var transport: Self {
        .set("transport", preferring: ["grpc", "memory"], meaning: "how calls travel")
    }
}
