/// A way to write values as bytes.
///
/// A codec offers coders for the types that it knows. The engine asks once for each type, when an
/// endpoint or a client's method is set up, and never on the hot path. For a content subtype
/// the first linked codec that offers a coder for the type wins.
///
/// Run `CodecConformance` of `MicroTesting` against a codec that you write.
public protocol Codec: Part {
    /// The content subtypes that it serves, the preferred one first: `proto`, `json`.
    ///
    /// A subtype is what stands behind `application/grpc+` on the wire.
    var contentSubtypes: [String] { get }

    /// Returns a coder for a type.
    ///
    /// - Parameters:
    ///   - type: The type of the values.
    ///   - subtype: One of ``contentSubtypes``.
    /// - Returns: The coder, or `nil` if the codec can't write values of that type.
    func coder<Value: Sendable>(for type: Value.Type, subtype: String) -> MessageCoder<Value>?
}

/// The two functions that turn values of one type into bytes and back.
public struct MessageCoder<Value: Sendable>: Sendable {
    /// Reads a value; throws if the bytes aren't one.
    public let decode: @Sendable (RawSpan) throws -> Value

    /// Writes a value, with the headroom of ``EncodedMessage`` in front.
    public let encode: @Sendable (Value) throws -> EncodedMessage

    /// Creates a coder.
    ///
    /// - Parameters:
    ///   - decode: Reads a value; throws if the bytes aren't one.
    ///   - encode: Writes a value, with the headroom of ``EncodedMessage`` in front.
    public init(
        decode: @escaping @Sendable (RawSpan) throws -> Value,
        encode: @escaping @Sendable (Value) throws -> EncodedMessage
    ) {
        self.decode = decode
        self.encode = encode
    }
}
