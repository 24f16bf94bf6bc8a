/// How deep JSON nests, found before it is parsed.
///
/// Parsers, and the decoders of recursive types even more, spend stack on each level, and not all of
/// them bound it. The codecs check the depth of what comes from outside before they let one run.
package enum JSONDepth {
    /// The greatest depth that the codecs accept.
    package static let limit = 256

    /// Checks that no array or object lies deeper than ``limit``.
    ///
    /// What isn't JSON may pass; the parser finds that out.
    ///
    /// - Parameter bytes: UTF-8 text.
    /// - Throws: A ``MicroError`` with the status `invalidArgument` if the text is deeper.
    package static func check(_ bytes: RawSpan) throws(MicroError) {
        // Each level costs a byte, so short text can't be deep.
        guard bytes.byteCount > limit, !isBounded(bytes) else { return }
        throw MicroError(
            .invalidArgument, "The JSON nests arrays and objects deeper than \(limit) levels.")
    }

    private static func isBounded(_ bytes: RawSpan) -> Bool {
        var depth = 0
        var inString = false
        var offset = 0
        while offset < bytes.byteCount {
            switch bytes[offset] {
            case UInt8(ascii: "\""): inString.toggle()
            case UInt8(ascii: "\\") where inString: offset += 1
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                guard !inString else { break }
                depth += 1
                if depth > limit { return false }
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                if !inString { depth = max(0, depth - 1) }
            default: break
            }
            offset += 1
        }
        return true
    }
}

extension RawSpan {
    /// The byte at an offset, which is checked.
    fileprivate subscript(offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }
}
