public import MicroCore

extension Plugin {
    /// The Protobuf codec, which writes messages as `proto` and as `json`.
    public static var protobufCodec: Self {
        Plugin(.codec, "protobuf", aliases: ["proto"], summary: "Protobuf messages, binary and JSON") { _ in
            ProtobufCodec()
        }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .protobufCodec }
