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

    /// The names of a packet, or a text once it is inflated, are more than is read.
    case tooLarge

    /// The text isn't the JSON of a service, is nested too deeply, or has names that are too long.
    case badService
}
