public import MicroCore
import MicroWire
public import SwiftProtobuf

/// Protobuf messages, under the content subtypes `proto` and `json`.
///
/// JSON is Protobuf's own mapping: it is read with names in either casing, unknown fields are
/// ignored, and an empty body is an empty message. It is written with names in lower camel case. In
/// both forms messages may nest 100 levels deep. JSON has at most 250,000 objects, arrays and members of objects.
///
/// A message is read from the transport's buffer and written behind the transport's headroom, with one
/// allocation and no copy.
public struct ProtobufCodec: Codec {
    /// Creates the codec.
    public init() {}

    /// The subtypes `proto` and `json`.
    public var contentSubtypes: [String] { ["proto", "json"] }

    /// Returns a coder for a type of Protobuf messages.
    ///
    /// - Parameters:
    ///   - type: The type of the values.
    ///   - subtype: The content subtype.
    /// - Returns: The coder, or `nil` if the type isn't a Protobuf message or the subtype is another.
    public func coder<Value: Sendable>(for type: Value.Type, subtype: String) -> MessageCoder<Value>? {
        guard let type = type as? any SwiftProtobuf.Message.Type else { return nil }
        func open<Opened: SwiftProtobuf.Message>(_ type: Opened.Type) -> MessageCoder<Value>? {
            coder(forMessage: type, subtype: subtype) as? MessageCoder<Value>
        }
        return open(type)
    }

    /// Returns a coder for a type that is known to be a Protobuf message.
    ///
    /// - Parameters:
    ///   - type: The type of the messages.
    ///   - subtype: The content subtype.
    /// - Returns: The coder, or `nil` if the subtype is neither `proto` nor `json`.
    public func coder<Value: SwiftProtobuf.Message>(
        forMessage type: Value.Type, subtype: String
    ) -> MessageCoder<Value>? {
        switch subtype {
        case "proto": MessageCoder(decode: decodeBinary, encode: encodeBinary)
        case "json": MessageCoder(decode: decodeJSON, encode: encodeJSON)
        default: nil
        }
    }
}

@Sendable private func decodeBinary<Value: SwiftProtobuf.Message>(_ bytes: RawSpan) throws -> Value {
    do {
        return try Value(serializedBytes: bytes)
    } catch {
        throw unreadable(Value.self, "Protobuf", error)
    }
}

@Sendable private func encodeBinary<Value: SwiftProtobuf.Message>(
    _ value: Value
) throws -> EncodedMessage {
    do {
        let bytes: HeadedBytes = try value.serializedBytes()
        return EncodedMessage(withHeadroom: bytes.storage)
    } catch {
        throw unwritable(Value.self, "Protobuf", error)
    }
}

@Sendable private func decodeJSON<Value: SwiftProtobuf.Message>(_ bytes: RawSpan) throws -> Value {
    guard !bytes.isEmpty else { return Value() }
    try JSONElements.check(bytes)
    var options = JSONDecodingOptions()
    options.ignoreUnknownFields = true
    do {
        return try Value(jsonUTF8Bytes: bytes.withUnsafeBytes { [UInt8]($0) }, options: options)
    } catch {
        throw unreadable(Value.self, "JSON", error)
    }
}

@Sendable private func encodeJSON<Value: SwiftProtobuf.Message>(
    _ value: Value
) throws -> EncodedMessage {
    do {
        let bytes: HeadedBytes = try value.jsonUTF8Bytes()
        return EncodedMessage(withHeadroom: bytes.storage)
    } catch {
        throw unwritable(Value.self, "JSON", error)
    }
}

private func unreadable(
    _ type: any SwiftProtobuf.Message.Type, _ form: String, _ error: any Error
) -> MicroError {
    MicroError(.invalidArgument, "The bytes are not a \(type.protoMessageName) in \(form): \(error)")
}

private func unwritable(
    _ type: any SwiftProtobuf.Message.Type, _ form: String, _ error: any Error
) -> MicroError {
    MicroError(.internal, "The \(type.protoMessageName) can't be written as \(form): \(error)")
}
