/// The header block that a connection is reading.
struct HeaderBlock {
    /// What a block is.
    enum Kind {
        /// The head of a request.
        case request
        /// The head of an answer, or trailers.
        case other
        /// That of a request that was refused, or of a stream that is gone.
        case ignored
    }

    var kind = Kind.ignored

    /// The stream of the block, if it has one already: requests get theirs when their head is complete.
    var stream: HTTP2Stream?

    /// The size so far, as RFC 9113, section 6.5.2, counts it.
    var size = 0

    /// Whether it is longer than it may be.
    var isTooLong = false
}
