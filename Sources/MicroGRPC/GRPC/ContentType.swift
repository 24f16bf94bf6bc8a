/// The content types of gRPC: `application/grpc`, alone or with the name of an encoding.
enum ContentType {
    private static let base: StaticString = "application/grpc"

    /// Returns the encoding that a content type names.
    ///
    /// - Parameter value: The field's value.
    /// - Returns: The name behind the `+`, `proto` where there is none, and `nil` if it isn't gRPC's.
    static func subtype(_ value: UnsafeBufferPointer<UInt8>) -> String? {
        let baseCount = base.utf8CodeUnitCount
        guard value.count >= baseCount, UnsafeBufferPointer(rebasing: value[..<baseCount]).equals(base) else {
            return nil
        }
        let rest = UnsafeBufferPointer(rebasing: value[baseCount...])
        guard let separator = rest.first else { return "proto" }
        // Parameters behind a semicolon say nothing that we use.
        let name = rest.dropFirst().prefix { $0 != UInt8(ascii: ";") }
        switch separator {
        case UInt8(ascii: "+"):
            if rest.equals("+proto") { return "proto" }
            return String(decoding: name, as: UTF8.self)
        case UInt8(ascii: ";"): return "proto"
        default: return nil
        }
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

    private static let protoHead = FieldBlock.permanent(head(subtype: "proto"))
    private static let jsonHead = FieldBlock.permanent(head(subtype: "json"))
}
