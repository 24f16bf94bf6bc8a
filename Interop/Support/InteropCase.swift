/// The cases of the gRPC project's interoperability test that we have.
package enum InteropCase: String, CaseIterable, Sendable {
    case emptyUnary = "empty_unary"
    case cacheableUnary = "cacheable_unary"
    case largeUnary = "large_unary"
    case clientCompressedUnary = "client_compressed_unary"
    case clientCompressedUnaryNoProbe = "client_compressed_unary_noprobe"
    case serverCompressedUnary = "server_compressed_unary"
    case clientStreaming = "client_streaming"
    case clientCompressedStreaming = "client_compressed_streaming"
    case clientCompressedStreamingNoProbe = "client_compressed_streaming_noprobe"
    case serverStreaming = "server_streaming"
    case serverCompressedStreaming = "server_compressed_streaming"
    case pingPong = "ping_pong"
    case emptyStream = "empty_stream"
    case statusCodeAndMessage = "status_code_and_message"
    case specialStatusMessage = "special_status_message"
    case unimplementedMethod = "unimplemented_method"
    case unimplementedService = "unimplemented_service"
    case cancelAfterBegin = "cancel_after_begin"
    case cancelAfterFirstResponse = "cancel_after_first_response"
    case timeoutOnSleepingServer = "timeout_on_sleeping_server"
    case customMetadata = "custom_metadata"
    case rpcSoak = "rpc_soak"
    case channelSoak = "channel_soak"
}

/// A promise of a case that the other side broke.
package struct InteropFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Compares two values, and throws what they are unless they are equal.
func expect<Value: Equatable>(_ found: Value, _ wanted: Value, _ what: String) throws {
    guard found != wanted else { return }
    throw InteropFailure("\(what) is \(short(found)), not \(short(wanted))")
}

private func short(_ value: some Any) -> String {
    let text = "\(value)"
    return text.count <= 200 ? text : "\(text.prefix(200))…"
}
