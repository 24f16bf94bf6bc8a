/// What the names of fields mean that HTTP/2 itself knows.
public enum FieldName {
    case method, scheme, path, authority, status
    /// Any other name that begins with a colon.
    case unknownPseudo
    case contentType, contentLength, te, host
    /// A field of HTTP/1.1's connections, which a message of HTTP/2 must not have.
    case connectionSpecific
    /// No name at all.
    case empty

    /// Returns what a name means.
    ///
    /// The first byte and the length leave at most one or two names to compare with, so a name that isn't known
    /// is found to be none at the cost of a switch.
    ///
    /// - Parameter name: The name as it stands on the wire, in lower case.
    /// - Returns: The meaning, or `nil` for any other name.
    package static func of(_ name: UnsafeBufferPointer<UInt8>) -> FieldName? {
        guard let first = name.first else { return .empty }
        switch (first, name.count) {
        case (UInt8(ascii: ":"), 5): return name.equals(":path") ? .path : .unknownPseudo
        case (UInt8(ascii: ":"), 7):
            return name.equals(":method")
                ? .method
                : name.equals(":status") ? .status : name.equals(":scheme") ? .scheme : .unknownPseudo
        case (UInt8(ascii: ":"), _): return name.equals(":authority") ? .authority : .unknownPseudo
        case (UInt8(ascii: "t"), 2): return name.equals("te") ? .te : nil
        case (UInt8(ascii: "h"), 4): return name.equals("host") ? .host : nil
        case (UInt8(ascii: "u"), 7): return name.equals("upgrade") ? .connectionSpecific : nil
        case (UInt8(ascii: "c"), 10): return name.equals("connection") ? .connectionSpecific : nil
        case (UInt8(ascii: "k"), 10): return name.equals("keep-alive") ? .connectionSpecific : nil
        case (UInt8(ascii: "p"), 16): return name.equals("proxy-connection") ? .connectionSpecific : nil
        case (UInt8(ascii: "t"), 17): return name.equals("transfer-encoding") ? .connectionSpecific : nil
        case (UInt8(ascii: "c"), 12): return name.equals("content-type") ? .contentType : nil
        case (UInt8(ascii: "c"), 14): return name.equals("content-length") ? .contentLength : nil
        default: return nil
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Returns whether the bytes are those of an ASCII text.
    ///
    /// Inlined, its loops become as many comparisons as the text has words.
    @inlinable @inline(__always)
    package func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { other in
            let (mine, theirs) = (UnsafeRawBufferPointer(self), UnsafeRawBufferPointer(other))
            var difference: UInt64 = 0
            var index = 0
            while index &+ 8 <= theirs.count {
                difference |=
                    mine.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    ^ theirs.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                index &+= 8
            }
            while index < theirs.count {
                difference |= UInt64(mine[index] ^ theirs[index])
                index &+= 1
            }
            return difference == 0
        }
    }
}
