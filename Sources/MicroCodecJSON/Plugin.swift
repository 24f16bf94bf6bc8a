public import MicroCore

extension Plugin {
    /// The JSON codec for `Codable` types.
    public static var jsonCodec: Self {
        Plugin(.codec, "json", summary: "JSON of Codable types") { _ in JSONCodec() }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .jsonCodec }
