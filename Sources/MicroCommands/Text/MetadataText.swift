internal import MicroCore

/// Metadata as they stand on a command line.
enum MetadataText {
    /// Reads pairs.
    ///
    /// - Parameter pairs: Texts of the form `key=value`.
    /// - Returns: The metadata, in the same order.
    /// - Throws: A failure that names the pair.
    static func parse(_ pairs: [String]) throws(CommandFailure) -> Metadata {
        var metadata = Metadata()
        for pair in pairs {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, isName(parts[0]) else {
                throw CommandFailure(
                    "--metadata is \"\(pair.printable())\". It must be key=value, where the key has letters, "
                        + "digits, \"-\", \"_\" and \".\".", .usage)
            }
            guard parts[1].utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
                throw CommandFailure(
                    "The value of --metadata \(parts[0]) has characters that are not printable ASCII. Send them as "
                        + "Base64 under a key that ends in -bin.", .usage)
            }
            metadata.add(String(parts[1]), for: String(parts[0]))
        }
        return metadata
    }

    private static func isName(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.count <= 255
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
    }
}
