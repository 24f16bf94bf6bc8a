import MicroCore
import MicroHTTP2

/// An error as it fits into the header list that a peer takes.
///
/// A header list that is too long is not sent, or not read, and then the call would never end, or end without
/// its status. So the number and the id always travel, and of the text as much as there is room for:
///
/// - Metadata that doesn't fit makes the error `resourceExhausted`, which names the sizes and begins to tell the
///   error that it stands for.
/// - Details that can't be shortened, and don't fit, are left out, which the text says.
/// - The text is shortened, and says so.
struct ErrorFitting {
    /// The fields of the error that fits.
    private(set) var fields: FieldBlock

    /// The metadata that goes with it.
    let metadata: Metadata

    /// What the texts of errors may make of a header list.
    ///
    /// gRPC's C core, unless configured otherwise, drops lists above 8 KiB, at random up to 16 KiB, and the status
    /// with them. So much of it is left for what precedes it.
    private static let textLimit = (8 << 10) - 512

    /// What a number, an id and the beginning of a text take at most.
    private static let minimum = 1 << 10

    private static let longestID = 128
    private static let longestStatus = 64

    /// Fits an error.
    ///
    /// - Parameters:
    ///   - error: The error.
    ///   - room: How large its fields and its metadata may be together.
    ///   - encode: Returns the fields of an error, without its metadata.
    init(_ error: MicroError, room: Int, encode: (MicroError) -> FieldBlock) {
        var error = error
        error.id = Self.prefix(of: error.id, Self.longestID)
        error.statusText = Self.prefix(of: error.statusText, Self.longestStatus)
        let metadataSize = FieldBlock.listSize(of: error.trailingMetadata)
        if metadataSize > 0, metadataSize + Self.minimum > room {
            error = Self.metadataTooLong(metadataSize, limit: room, instead: error)
        }
        metadata = error.trailingMetadata
        let used = FieldBlock.listSize(of: metadata)
        var left = room - used
        if let details = error.rpcDetails {
            let size = (details.count * 4 + 2) / 3
            if size + Self.minimum > left {
                error.rpcDetails = nil
                error.detail += " [its details, of \(details.count) bytes, were too long to be sent]"
            } else {
                // They are there in full, and the limit of texts is what remains.
                left = min(left, max(Self.textLimit - used, size + Self.minimum))
            }
        }
        if error.rpcDetails == nil { left = min(left, max(Self.textLimit - used, Self.minimum)) }
        fields = FieldBlock()
        fields = Self.shortened(error, to: left, encode)
    }

    /// Returns the fields with as much of the text as there is room for.
    private static func shortened(
        _ error: MicroError, to room: Int, _ encode: (MicroError) -> FieldBlock
    ) -> FieldBlock {
        let length = error.detail.utf8.count
        if length <= room {
            let fields = encode(error)
            if fields.listSize <= room { return fields }
        }
        var kept = min(length, room)
        while true {
            var candidate = error
            candidate.detail = "\(prefix(of: error.detail, kept))… [shortened from \(length) bytes]"
            let fields = encode(candidate)
            if fields.listSize <= room || kept == 0 { return fields }
            // How much a byte of text takes depends on the form and on the bytes; a few rounds find it.
            kept = max(0, kept * room / fields.listSize - 16)
        }
    }

    private static func metadataTooLong(_ size: Int, limit: Int, instead error: MicroError) -> MicroError {
        var substitute = metadataTooLong(size, limit: limit)
        substitute.detail +=
            " The call had failed with \(error.status), code \(error.httpCode): \(error.detail)"
        substitute.id = error.id
        return substitute
    }

    /// The error of metadata that is longer than the peer takes.
    static func metadataTooLong(_ size: Int, limit: Int) -> MicroError {
        MicroError(
            .resourceExhausted,
            "The metadata of the answer takes \(size) bytes, and the client takes header fields of \(limit).")
    }

    /// Returns the beginning of a text that has at most so many bytes of UTF-8.
    private static func prefix(of text: String, _ count: Int) -> String {
        let bytes = text.utf8
        guard bytes.count > count else { return text }
        var end = bytes.index(bytes.startIndex, offsetBy: count)
        // A scalar is not cut in two.
        while end > bytes.startIndex, bytes[end] & 0xC0 == 0x80 { end = bytes.index(before: end) }
        return String(text[..<end])
    }
}
