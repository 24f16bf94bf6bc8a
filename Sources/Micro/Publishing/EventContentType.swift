/// The content types of events, as go-micro's publishers and subscribers know them.
enum EventContentType {
    /// The subtype of an event without a content type, which go-micro takes for `application/grpc`.
    static let missing = "proto"

    private static let protobuf: Set<String> = [
        "proto", "protobuf", "octet-stream", "grpc", "grpc+proto", "x-protobuf",
    ]

    /// Returns the content subtype of an event, or `nil` for a type that isn't one of an application.
    static func subtype(of contentType: String) -> String? {
        let type = contentType.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        guard type.hasPrefix("application/") else { return nil }
        let name = String(type.dropFirst("application/".count))
        if protobuf.contains(name) { return "proto" }
        return name.hasPrefix("grpc+") ? String(name.dropFirst("grpc+".count)) : name
    }

    /// Returns the content type that every subscriber of go-micro's understands.
    ///
    /// `application/grpc+proto`, which go-micro's gRPC client sends, is read as another framing by its mucp
    /// subscribers.
    static func contentType(of subtype: String) -> String {
        subtype == "proto" ? "application/protobuf" : "application/\(subtype)"
    }
}
