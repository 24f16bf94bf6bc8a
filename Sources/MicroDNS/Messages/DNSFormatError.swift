/// What is wrong with a packet that somebody sent.
public enum DNSFormatError: Error, Hashable, Sendable {
    /// The packet ends inside something that it announced.
    case truncated

    /// A label has a length that isn't allowed, or a name is longer than 255 bytes.
    case badName

    /// A compressed name points forward, to itself, or through too many pointers.
    case badPointer

    /// The data of a record doesn't fill its announced length.
    case badRecord

    /// The names or strings of a packet are more than is read.
    case tooLarge
}
