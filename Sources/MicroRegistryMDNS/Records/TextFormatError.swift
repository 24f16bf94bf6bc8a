/// What is wrong with the text of a node.
enum TextFormatError: Error, Hashable {
    /// The text isn't hexadecimal digits.
    case badHexadecimal

    /// The text isn't a zlib stream.
    case badCompression

    /// The text is more than is read once it is inflated.
    case tooLarge

    /// The text isn't the JSON of a service, is nested too deeply, or has names that are too long.
    case badService
}
