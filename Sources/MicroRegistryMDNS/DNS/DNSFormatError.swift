/// What is wrong with a packet that somebody sent.
enum DNSFormatError: Error, Hashable {
    /// The packet ends inside something that it announced.
    case truncated

    /// A label has a length that isn't allowed, or a name is longer than 255 bytes.
    case badName

    /// A compressed name points forward, to itself, or through too many pointers.
    case badPointer

    /// The data of a record doesn't fill its announced length.
    case badRecord

    /// The text isn't hexadecimal digits.
    case badHexadecimal

    /// The text isn't a zlib stream.
    case badCompression

    /// The text is larger than we read once it is inflated.
    case tooLarge

    /// The text isn't the JSON of a service, or is nested too deeply.
    case badService
}
