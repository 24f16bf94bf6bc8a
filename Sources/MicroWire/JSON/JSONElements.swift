package import MicroCore

/// Counts the elements of JSON text before a general decoder sees it.
///
/// Three bytes of `{},` cost a decoder of `Codable` types or Protobuf messages 3 to 5 µs and 50 to 300 bytes, so
/// 4 MiB of them take seconds. A byte of any other kind costs it a hundredth of that.
package enum JSONElements {
    /// The most objects, arrays and members of objects in one message.
    ///
    /// It takes a decoder about a second in the worst case; a message of 4 MiB whose elements have 17 bytes on
    /// average keeps to it.
    package static let maximum = 250_000

    /// Checks that a text has no more elements than a decoder may be given.
    ///
    /// - Parameters:
    ///   - text: UTF-8 text, of JSON or anything else.
    ///   - limit: The most elements.
    /// - Throws: A ``MicroError`` with the status `resourceExhausted` if it has more.
    package static func check(_ text: RawSpan, limit: Int = maximum) throws(MicroError) {
        // An element has two bytes at least, so most messages need no look.
        guard text.byteCount / 2 > limit else { return }
        guard text.withUnsafeBytes({ exceeds($0, limit) }) else { return }
        throw MicroError(
            .resourceExhausted,
            "The JSON has more than \(limit) objects, arrays and members. Send it in several messages, or as Protobuf."
        )
    }

    /// Sound because it stays within the buffer, whose bytes are read as what they are.
    private static func exceeds(_ text: UnsafeRawBufferPointer, _ limit: Int) -> Bool {
        var count = 0
        var isInString = false
        var position = 0
        while position < text.count {
            let byte = text[position]
            if isInString {
                if byte == UInt8(ascii: "\\") {
                    position += 1
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
            } else {
                switch byte {
                case UInt8(ascii: "\""): isInString = true
                case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: ":"):
                    count += 1
                    if count > limit { return true }
                default: break
                }
            }
            position += 1
        }
        return false
    }
}
