/// How the messages of a call are made smaller on their way.
///
/// Nothing is compressed unless somebody asks for it: a caller by `CallOptions.compression`, a service for its
/// endpoints, or a handler for its answer. What comes compressed is always understood.
///
/// Compress what is large and repeats itself. Never mix secrets with what an attacker can choose in one
/// compressed message: its length tells whether the two are alike.
public enum Compression: String, CaseIterable, Hashable, Sendable {
    /// Messages travel as they are.
    case identity

    /// The format of RFC 1952, which nearly all gRPC peers understand.
    case gzip

    /// The zlib format of RFC 1950, which gRPC calls `deflate`.
    case deflate
}

/// The compressions that a peer can undo.
package struct CompressionSet: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Creates a set of one.
    ///
    /// - Parameter compression: The compression; `identity`, which everybody understands, makes an empty set.
    package init(_ compression: Compression) { self.init(rawValue: compression.mark) }

    /// Returns whether a peer can undo a compression.
    package func allows(_ compression: Compression) -> Bool { isSuperset(of: CompressionSet(compression)) }
}

extension Compression {
    /// A bit for the compression; 0 for none.
    package var mark: UInt8 {
        switch self {
        case .identity: 0
        case .gzip: 1
        case .deflate: 2
        }
    }
}
