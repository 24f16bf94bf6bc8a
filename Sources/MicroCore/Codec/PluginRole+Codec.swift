extension PluginRole where Interface == any Codec {
    /// The ways to encode messages; for a type and subtype the first that can is used.
    public static var codec: Self {
        .set("codec", preferring: ["protobuf", "json"], meaning: "how messages are written")
    }
}
