import MicroHTTP2

/// The content types of gRPC: `application/grpc`, alone or with the name of an encoding.
enum ContentType {
    private static let base = "application/grpc"

    /// More than any content type has; what is longer isn't one.
    private static let lengthLimit = 256

    /// Returns the encoding that a content type names.
    ///
    /// - Parameter value: The field's value.
    /// - Returns: The name behind the `+`, `proto` where there is none, and `nil` if it isn't gRPC's.
    static func subtype(_ value: UnsafeBufferPointer<UInt8>) -> String? {
        if value.equals("application/grpc+proto") || value.equals("application/grpc") { return "proto" }
        if value.equals("application/grpc+json") { return "json" }
        return unusualSubtype(value)
    }

    /// Returns the encoding of a content type in capitals, with parameters or of another name.
    private static func unusualSubtype(_ value: UnsafeBufferPointer<UInt8>) -> String? {
        guard value.count <= lengthLimit else { return nil }
        // Parameters behind a semicolon say nothing that we use.
        let type = value.prefix { $0 != UInt8(ascii: ";") }.filter {
            $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t")
        }
        let text = String(decoding: type, as: UTF8.self).lowercased()
        guard text.hasPrefix(base) else { return nil }
        let rest = text.dropFirst(base.count)
        if rest.isEmpty { return "proto" }
        return rest.hasPrefix("+") ? String(rest.dropFirst()) : nil
    }

    /// The head of a successful answer, for the encodings that are used most.
    static func permanentHead(subtype: String) -> PermanentFieldBlock? {
        switch subtype {
        case "proto": protoHead
        case "json": jsonHead
        default: nil
        }
    }

    /// The head of an answer with messages.
    static func head(subtype: String) -> FieldBlock {
        var block = FieldBlock()
        block.add(":status", "200")
        block.add("content-type", "application/grpc+\(subtype)")
        return block
    }

    private static let protoHead = head(subtype: "proto").permanent()
    private static let jsonHead = head(subtype: "json").permanent()
}
