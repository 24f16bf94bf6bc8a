/// The socket by which a packet came.
///
/// What one socket brings is in the order in which it was sent; what several bring is not.
struct PacketSource: Hashable, Sendable {
    /// The number of the link.
    let link: Int

    /// Whether it is the link's socket of the group, and not the one from which we ask.
    let isGroup: Bool

    /// No socket: we know it ourselves.
    static let ourselves = PacketSource(link: -1, isGroup: false)
}
