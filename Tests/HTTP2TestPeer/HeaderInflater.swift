import CNghttp2

/// A reader of header blocks, which keeps the table of a connection.
package final class HeaderInflater {
    private var inflater: OpaquePointer?

    package init() { nghttp2_hd_inflate_new(&inflater) }

    deinit { nghttp2_hd_inflate_del(inflater) }

    /// Returns the fields of a block, or `nil` if it is not well-formed.
    package func fields(of block: [UInt8]) -> [(String, String)]? {
        var fields: [(String, String)] = []
        var rest = block[...]
        while true {
            var field = nghttp2_nv()
            var flags: CInt = 0
            // nghttp2 keeps no pointer to the bytes; what it returns is valid until the next call.
            let count = rest.withUnsafeBufferPointer {
                nghttp2_hd_inflate_hd2(inflater, &field, &flags, $0.baseAddress, $0.count, 1)
            }
            guard count >= 0 else { return nil }
            rest = rest.dropFirst(count)
            if flags & CInt(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                let name = UnsafeBufferPointer(start: field.name, count: field.namelen)
                let value = UnsafeBufferPointer(start: field.value, count: field.valuelen)
                fields.append((String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
            }
            if flags & CInt(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 {
                nghttp2_hd_inflate_end_headers(inflater)
                return fields
            }
            if rest.isEmpty, flags & CInt(NGHTTP2_HD_INFLATE_EMIT.rawValue) == 0 { return nil }
        }
    }
}
