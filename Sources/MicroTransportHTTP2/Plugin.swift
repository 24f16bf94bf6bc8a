public import MicroCore

extension Plugin {
    /// gRPC over HTTP/2, the default transport.
    public static var http2Transport: Self {
        Plugin(
            .transport, "grpc", aliases: ["http2"], provides: ["grpc/grpc"],
            settings: HTTP2Transport.settings, summary: "gRPC over HTTP/2, with TLS"
        ) {
            _ in
            HTTP2Transport()
        }
    }
}

@section("micro_plugins") @used
private let record: PluginRecord = { .http2Transport }
