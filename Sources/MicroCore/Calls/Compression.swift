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
///
/// It is no `OptionSet`, whose literals are put together by generic code that every call would pay for.
package struct CompressionSet: Hashable, Sendable {
    private var bits: UInt8 = 0

    /// Creates an empty set.
    package init() {}

    /// Creates a set of one.
    ///
    /// - Parameter compression: The compression; `identity`, which everybody understands, makes an empty set.
    package init(_ compression: Compression) { bits = compression.mark }

    /// Whether the peer can undo no compression.
    package var isEmpty: Bool { bits == 0 }

    /// Adds the compressions of another set.
    package mutating func formUnion(_ other: CompressionSet) { bits |= other.bits }

    /// Returns whether the peer can undo a compression.
    package func allows(_ compression: Compression) -> Bool {
        bits & compression.mark == compression.mark
    }
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
