import MicroCore
import MicroHTTP2

/// The names of compressions in the fields `grpc-encoding` and `grpc-accept-encoding`.
enum Encodings {
    /// The value of `grpc-accept-encoding`.
    static let accepted = "identity,deflate,gzip"

    /// Returns the compression that a `grpc-encoding` names, or `nil` for one that we don't know.
    static func compression(_ name: UnsafeBufferPointer<UInt8>) -> Compression? {
        if name.equals("gzip") { return .gzip }
        if name.equals("identity") { return .identity }
        return name.equals("deflate") ? .deflate : nil
    }

    /// Returns which of our compressions are in a `grpc-accept-encoding`: names with commas between.
    static func compressions(_ list: UnsafeBufferPointer<UInt8>) -> CompressionSet {
        var found = CompressionSet()
        for item in list.split(separator: UInt8(ascii: ",")) {
            let name = UnsafeBufferPointer(rebasing: item).trimmed
            if let compression = compression(name) { found.formUnion(CompressionSet(compression)) }
        }
        return found
    }
}

/// The value of the last `grpc-accept-encoding` of a connection, with what it means.
///
/// A client sends the same value with each call, so it is read once.
struct AcceptedEncodings {
    /// How long a value is remembered at most.
    private static let limit = 256

    private var value: [UInt8] = []
    private var meaning = CompressionSet()

    /// Returns which compressions a value accepts.
    mutating func meaning(of value: UnsafeBufferPointer<UInt8>) -> CompressionSet {
        if value.elementsEqual(self.value) { return meaning }
        let meaning = Encodings.compressions(value)
        if value.count <= Self.limit { (self.value, self.meaning) = (Array(value), meaning) }
        return meaning
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// The bytes without spaces and tabs around them.
    fileprivate var trimmed: Self {
        let isSpace = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) })
        else { return UnsafeBufferPointer(start: nil, count: 0) }
        return UnsafeBufferPointer(rebasing: self[first...last])
    }
}
