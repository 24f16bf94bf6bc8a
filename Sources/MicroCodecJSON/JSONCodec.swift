public import MicroCore
import MicroWire

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// JSON of `Codable` types, under the content subtype `json`.
///
/// It writes what Go's `encoding/json` reads and the other way round: dates are RFC 3339 text, bytes
/// are Base64, and slashes stand for themselves. An empty body is read as `{}`, which is what a
/// caller means who has nothing to say.
///
/// The size of what is read is bounded by the transport, its depth by Foundation, to 512 levels, and what is made of
/// it by the number of elements: 250,000 objects, arrays and members of objects.
public struct JSONCodec: Codec {
    /// Creates the codec.
    public init() {}

    /// The subtype `json`.
    public var contentSubtypes: [String] { ["json"] }

    /// Returns a coder for a type that is `Codable`.
    ///
    /// - Parameters:
    ///   - type: The type of the values.
    ///   - subtype: The content subtype.
    /// - Returns: The coder, or `nil` if the type isn't `Codable` or the subtype isn't `json`.
    public func coder<Value: Sendable>(for type: Value.Type, subtype: String) -> MessageCoder<Value>? {
        guard subtype == "json", let type = type as? any (Codable & Sendable).Type else { return nil }
        func open<Opened: Codable & Sendable>(_: Opened.Type) -> MessageCoder<Value>? {
            makeCoder(for: Opened.self) as? MessageCoder<Value>
        }
        return open(type)
    }

    private func makeCoder<Value: Codable & Sendable>(for type: Value.Type) -> MessageCoder<Value> {
        // Both are safe to use from several threads at once as long as nobody sets them up anew.
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom(JSONDates.decode)
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .custom(JSONDates.encode)
        encoder.outputFormatting = .withoutEscapingSlashes
        return MessageCoder(
            decode: { bytes in
                guard !bytes.isEmpty else { return try decode(type, from: Data("{}".utf8), with: decoder) }
                try JSONElements.check(bytes)
                return try decode(type, from: bytes.withUnsafeBytes { Data($0) }, with: decoder)
            },
            encode: { value in
                do {
                    return EncodedMessage(try encoder.encode(value))
                } catch {
                    throw MicroError(.internal, JSONProblem.text(of: error, type: type))
                }
            })
    }
}

/// Reads a value and turns what is wrong with it into an error that says what and where.
private func decode<Value: Decodable>(
    _ type: Value.Type, from data: Data, with decoder: JSONDecoder
) throws -> Value {
    do {
        return try decoder.decode(type, from: data)
    } catch let error as MicroError {
        throw error
    } catch {
        if JSONProblem.isAboutWholeText(error) {
            guard data.count <= JSONNumbers.limit else {
                throw MicroError(
                    .invalidArgument,
                    "The \(type) is not valid JSON, or has a number that its field can't hold.")
            }
            let culprit = JSONNumbers(of: Array(data)).culprit { text in
                do { _ = try decoder.decode(type, from: Data(text)) } catch {
                    return !JSONProblem.isAboutWholeText(error)
                }
                return true
            }
            if let culprit { throw MicroError(.invalidArgument, JSONProblem.text(of: culprit, type: type)) }
        }
        throw MicroError(.invalidArgument, JSONProblem.text(of: error, type: type))
    }
}
