internal import NIOCore

/// The headers of a message: names and values in order, where a name may occur more often than once.
///
/// Names are compared as they are spelt, as NATS does.
public struct NATSHeaders: Hashable, Sendable {
    /// One header.
    public struct Field: Hashable, Sendable {
        /// The name.
        public var name: String

        /// The value.
        public var value: String

        /// Creates a header.
        ///
        /// - Parameters:
        ///   - name: The name, of visible ASCII characters without a colon.
        ///   - value: The value, without line breaks.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The headers in their order.
    public var fields: [Field]

    /// Creates headers.
    ///
    /// - Parameter fields: The headers in their order.
    public init(_ fields: [Field] = []) {
        self.fields = fields
    }

    /// Whether there are none.
    public var isEmpty: Bool { fields.isEmpty }

    /// Adds a header behind the others.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - value: The value.
    public mutating func append(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    /// The first value of a name; setting it replaces all of them.
    public subscript(name: String) -> String? {
        get { fields.first { $0.name == name }?.value }
        set {
            fields.removeAll { $0.name == name }
            if let newValue { append(name, newValue) }
        }
    }
}

extension NATSHeaders: ExpressibleByDictionaryLiteral {
    /// Creates headers from a literal, in its order.
    public init(dictionaryLiteral elements: (String, String)...) {
        self.init(elements.map { Field(name: $0.0, value: $0.1) })
    }
}

/// The status line of a message that a server itself sends.
public struct NATSStatus: Hashable, Sendable {
    /// The code, such as 100, 404, 408, 409 or 503.
    public var code: Int

    /// What the server says of it; may be empty.
    public var text: String

    /// Creates a status.
    ///
    /// - Parameters:
    ///   - code: The code.
    ///   - text: What the server says of it.
    public init(code: Int, text: String) {
        self.code = code
        self.text = text
    }
}

// MARK: - The wire

extension NATSHeaders {
    private static let version = Array("NATS/1.0".utf8)

    /// The most headers of a message that are read; each takes some hundred bytes of memory, and three on the wire.
    static let maximumCount = 1024

    /// Reads a block of headers; `nil` if it is malformed, or has too many.
    init?(parsing block: some Collection<UInt8>) {
        // The status line and the empty line behind the last header.
        let maximumLines = Self.maximumCount + 3
        var lines = block.split(
            separator: UInt8(ascii: "\n"), maxSplits: maximumLines, omittingEmptySubsequences: false
        ).map { line in
            line.last == UInt8(ascii: "\r") ? line.dropLast() : line
        }[...]
        guard lines.count <= maximumLines, let first = lines.popFirst(), first.starts(with: Self.version)
        else { return nil }
        var fields: [Field] = []
        for line in lines where !line.isEmpty {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else {
                return nil
            }
            let value = line[line.index(after: colon)...].drop { $0 == UInt8(ascii: " ") }
            fields.append(
                Field(
                    name: String(decoding: line[..<colon], as: UTF8.self),
                    value: String(decoding: value, as: UTF8.self)))
        }
        self.init(fields)
    }

    /// Checks that names and values can be sent.
    ///
    /// - Throws: A ``NATSError`` with the code `invalidHeader`.
    func check() throws(NATSError) {
        for field in fields {
            guard !field.name.isEmpty,
                field.name.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x3A })
            else {
                throw NATSError(
                    .invalidHeader,
                    "The header name \(field.name.debugDescription) can't be sent: names consist of visible ASCII "
                        + "characters other than a colon.")
            }
            guard field.value.utf8.allSatisfy({ $0 != 0x0D && $0 != 0x0A }) else {
                throw NATSError(
                    .invalidHeader,
                    "The value of the header \(field.name) can't be sent: it has a line break.")
            }
        }
    }

    /// The block as it is sent.
    var encoded: [UInt8] {
        var bytes = Self.version + [0x0D, 0x0A]
        for field in fields {
            bytes += field.name.utf8
            bytes += [0x3A, 0x20]
            bytes += field.value.utf8
            bytes += [0x0D, 0x0A]
        }
        return bytes + [0x0D, 0x0A]
    }
}

extension NATSStatus {
    /// Reads the status of a header block's first line; `nil` if it has none.
    init?(parsing block: some Collection<UInt8>) {
        let line = block.prefix { $0 != 0x0D && $0 != 0x0A }.dropFirst(8).drop { $0 == 0x20 }
        let code = line.prefix { $0 != 0x20 }
        guard code.count == 3, let number = Int(String(decoding: code, as: UTF8.self)) else { return nil }
        let text = line.dropFirst(3).drop { $0 == 0x20 }
        self.init(code: number, text: String(decoding: text, as: UTF8.self))
    }
}
