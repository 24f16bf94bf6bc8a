import MicroHTTP2

/// The fields that gRPC and go-micro use beside those of HTTP/2, by what they mean.
enum GRPCField {
    case microContentType, grpcTimeout, microTimeout
    case grpcStatus, grpcMessage, grpcStatusDetails, grpcEncoding, grpcAcceptEncoding
    case ignored

    /// Returns what a name means.
    ///
    /// - Parameter name: The name as it stands on the wire, in lower case.
    /// - Returns: The meaning, or `nil` for metadata.
    static func of(_ name: UnsafeBufferPointer<UInt8>) -> GRPCField? {
        guard let first = name.first else { return nil }
        switch (first, name.count) {
        case (UInt8(ascii: "t"), 7): return name.equals("timeout") ? .microTimeout : nil
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
}

/// The header fields that belong to the protocols and never show as a call's metadata.
enum ReservedFields {
    /// Returns whether metadata of a name must not be sent, since HTTP/2 or gRPC uses the name.
    static func contains(_ name: ArraySlice<UInt8>) -> Bool {
        name.withUnsafeBufferPointer { name in
            switch FieldName.of(name) {
            case nil, .host: GRPCField.of(name) != nil
            default: true
            }
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether this is one of the names that go-micro's clients put in front of their own metadata.
    var isGoMicroName: Bool {
        count > 6 && self[0] == UInt8(ascii: "m")
            && UnsafeBufferPointer(rebasing: self[..<6]).equals("micro-")
    }
}
