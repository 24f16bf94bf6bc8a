/// A domain name, kept as its labels lie on the wire.
///
/// Names are compared byte by byte, as go-micro does: case matters, whatever DNS says.
public struct DNSName: Hashable, Sendable {
    /// The most bytes of a name, with the length of each label and the root (RFC 1035, 3.1).
    public static let maximumSize = 255

    /// The most bytes of a label.
    public static let maximumLabelSize = 63

    /// The labels, each behind its length, without the empty one of the root.
    public private(set) var bytes: [UInt8] = []

    /// Creates the name of the root.
    public init() {}

    /// Reads a name as people write it, labels separated by dots; a dot at the end is optional.
    ///
    /// - Parameter text: The name. It is refused if a label is empty or a limit passed.
    public init?(_ text: String) {
        guard text.utf8.count <= Self.maximumSize else { return nil }
        var text = text[...]
        if text.hasSuffix(".") { text = text.dropLast() }
        for label in text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard append(label: label) else { return nil }
        }
    }

    /// Appends a label behind those that are there.
    ///
    /// - Parameter label: The bytes of the label.
    /// - Returns: Whether the label and the name keep to the limits; if not, nothing is appended.
    public mutating func append(label: some Collection<UInt8>) -> Bool {
        guard let length = UInt8(exactly: label.count), (1...Self.maximumLabelSize).contains(label.count),
            bytes.count + 1 + label.count + 1 <= Self.maximumSize
        else { return false }
        bytes.append(length)
        bytes.append(contentsOf: label)
        return true
    }

    /// Returns this name with another one behind it.
    ///
    /// - Parameter parent: The name to put behind.
    /// - Returns: The name, or `nil` if it is too long.
    public func under(_ parent: DNSName) -> DNSName? {
        guard bytes.count + parent.bytes.count + 1 <= Self.maximumSize else { return nil }
        var name = self
        name.bytes += parent.bytes
        return name
    }

    /// The positions at which a label begins, from the left.
    public var labelStarts: [Int] {
        var starts: [Int] = []
        var position = 0
        while position < bytes.count {
            starts.append(position)
            position += 1 + Int(bytes[position])
        }
        return starts
    }

    /// The names behind this one: `b.c` and `c` for `a.b.c`.
    public var parents: [DNSName] { labelStarts.dropFirst().map(suffix(from:)) }

    /// The name with its ASCII letters in lower case: names that are the same so are the same to DNS (RFC 4343).
    public var lowercased: DNSName {
        var name = self
        // No length of a label is as high as a letter.
        name.bytes = bytes.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
        return name
    }

    /// Returns what stands in front of another name.
    ///
    /// - Parameter parent: The name behind.
    /// - Returns: The labels in front, at least one; `nil` if the name doesn't end so.
    public func dropping(_ parent: DNSName) -> DNSName? {
        let start = bytes.count - parent.bytes.count
        guard start > 0, labelStarts.contains(start) || parent.bytes.isEmpty,
            bytes[start...].elementsEqual(parent.bytes)
        else { return nil }
        var front = DNSName()
        front.bytes = Array(bytes[..<start])
        return front
    }

    /// The name as people write it, without a dot at the end.
    ///
    /// It is `nil` where the text wouldn't give the same name back: if a label isn't UTF-8 or has a
    /// dot inside.
    public var text: String? {
        var parts: [String] = []
        for start in labelStarts {
            let label = bytes[(start + 1)..<(start + 1 + Int(bytes[start]))]
            guard !label.contains(UInt8(ascii: ".")), let part = String(validating: label, as: UTF8.self)
            else { return nil }
            parts.append(part)
        }
        return parts.joined(separator: ".")
    }

    private func suffix(from start: Int) -> DNSName {
        var name = DNSName()
        name.bytes = Array(bytes[start...])
        return name
    }
}
