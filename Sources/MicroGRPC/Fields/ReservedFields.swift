import MicroCore

/// The header fields that belong to the protocol and never show as a call's metadata.
enum ReservedFields {
    /// The fields that a head's reader deals with, by what they mean.
    enum Field {
        case method, scheme, path, authority, status, contentType, microContentType, grpcTimeout, microTimeout
        case grpcStatus, grpcMessage, grpcStatusDetails, grpcEncoding, grpcAcceptEncoding, te, contentLength
        case ignored
        /// A field of HTTP/1.1's connections, which a request of HTTP/2 must not have.
        case connectionSpecific
    }

    /// Returns what a reserved field means.
    ///
    /// The first byte and the length leave at most one or two names to compare with, so a field that
    /// isn't reserved is found to be none at the cost of a switch.
    ///
    /// - Parameter name: The name as it stands on the wire, in lower case.
    /// - Returns: The meaning, or `nil` for metadata.
    static func field(_ name: UnsafeBufferPointer<UInt8>) -> Field? {
        guard let first = name.first else { return .ignored }
        switch (first, name.count) {
        case (UInt8(ascii: ":"), 5): return name.equals(":path") ? .path : .ignored
        case (UInt8(ascii: ":"), 7):
            return name.equals(":method")
                ? .method : name.equals(":status") ? .status : name.equals(":scheme") ? .scheme : .ignored
        case (UInt8(ascii: ":"), _): return name.equals(":authority") ? .authority : .ignored
        case (UInt8(ascii: "t"), 2): return name.equals("te") ? .te : nil
        case (UInt8(ascii: "t"), 7): return name.equals("timeout") ? .microTimeout : nil
        case (UInt8(ascii: "u"), 7): return name.equals("upgrade") ? .connectionSpecific : nil
        case (UInt8(ascii: "c"), 10): return name.equals("connection") ? .connectionSpecific : nil
        case (UInt8(ascii: "k"), 10): return name.equals("keep-alive") ? .connectionSpecific : nil
        case (UInt8(ascii: "p"), 16): return name.equals("proxy-connection") ? .connectionSpecific : nil
        case (UInt8(ascii: "t"), 17): return name.equals("transfer-encoding") ? .connectionSpecific : nil
        case (UInt8(ascii: "c"), 12): return name.equals("content-type") ? .contentType : nil
        case (UInt8(ascii: "c"), 14): return name.equals("content-length") ? .contentLength : nil
        case (UInt8(ascii: "x"), 14): return name.equals("x-content-type") ? .microContentType : nil
        case (UInt8(ascii: "g"), 11): return name.equals("grpc-status") ? .grpcStatus : nil
        case (UInt8(ascii: "g"), 12):
            return name.equals("grpc-timeout")
                ? .grpcTimeout : name.equals("grpc-message") ? .grpcMessage : nil
        case (UInt8(ascii: "g"), 13): return name.equals("grpc-encoding") ? .grpcEncoding : nil
        case (UInt8(ascii: "g"), 17): return name.equals("grpc-message-type") ? .ignored : nil
        case (UInt8(ascii: "g"), 20): return name.equals("grpc-accept-encoding") ? .grpcAcceptEncoding : nil
        case (UInt8(ascii: "g"), 23): return name.equals("grpc-status-details-bin") ? .grpcStatusDetails : nil
        default: return nil
        }
    }

    /// Returns whether metadata of a name must not be sent, since the protocol uses the name.
    static func contains(_ name: ArraySlice<UInt8>) -> Bool {
        name.withUnsafeBufferPointer { field($0) != nil }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether this is one of the names that go-micro's clients put in front of their own metadata.
    var isGoMicroName: Bool {
        count > 6 && self[0] == UInt8(ascii: "m")
            && UnsafeBufferPointer(rebasing: self[..<6]).equals("micro-")
    }

    /// Returns whether the bytes are those of an ASCII text.
    ///
    /// Inlined, its loops become as many comparisons as the text has words.
    @inline(__always) func equals(_ text: StaticString) -> Bool {
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
