/// A message of rtnetlink.
struct NetlinkMessage: Hashable {
    private static let headerSize = 16

    /// What it is about, such as `RTM_NEWLINK`.
    let type: UInt16

    /// The structure behind the header and the attributes behind that.
    let body: [UInt8]

    /// Returns the messages of a packet; what follows a malformed one is left out.
    ///
    /// - Parameter packet: The packet.
    /// - Returns: The messages.
    static func all(in packet: [UInt8]) -> [NetlinkMessage] {
        var messages: [NetlinkMessage] = []
        var rest = packet[...]
        while let length = UInt32(nativeBytes: rest.prefix(4)).map(Int.init),
            let type = UInt16(nativeBytes: rest.dropFirst(4).prefix(2)), length >= headerSize,
            length <= rest.count
        {
            messages.append(
                NetlinkMessage(type: type, body: Array(rest.prefix(length).dropFirst(headerSize))))
            rest = rest.dropFirst(NetlinkAttributes.aligned(length))
        }
        return messages
    }

    /// Returns the value of an attribute.
    ///
    /// - Parameter number: The attribute, such as `IFLA_IFNAME`.
    /// - Returns: The value, or `nil` if it isn't there.
    func attribute(_ number: UInt16) -> [UInt8]? {
        // RTM_NEWADDR has an ifaddrmsg of 8 bytes, RTM_NEWLINK an ifinfomsg of 16.
        NetlinkAttributes(body.dropFirst(type == 20 ? 8 : 16)).first(number)
    }
}

/// The attributes of a message of rtnetlink, or of an attribute that has others inside.
struct NetlinkAttributes {
    private let bytes: ArraySlice<UInt8>

    init(_ bytes: some Collection<UInt8>) { self.bytes = Array(bytes)[...] }

    /// Returns the value of the first attribute with a number.
    ///
    /// - Parameter number: The attribute.
    /// - Returns: The value, or `nil` if it isn't there.
    func first(_ number: UInt16) -> [UInt8]? {
        var rest = bytes
        while let length = UInt16(nativeBytes: rest.prefix(2)).map(Int.init),
            let type = UInt16(nativeBytes: rest.dropFirst(2).prefix(2)), length >= 4, length <= rest.count
        {
            // The top two bits say how the value is made.
            if type & 0x3FFF == number { return Array(rest.prefix(length).dropFirst(4)) }
            rest = rest.dropFirst(Self.aligned(length))
        }
        return nil
    }

    /// Everything in netlink begins at a multiple of four.
    static func aligned(_ length: Int) -> Int { (length + 3) & ~3 }
}

extension FixedWidthInteger {
    /// The bytes in the machine's order, which netlink uses.
    var nativeBytes: [UInt8] { withUnsafeBytes(of: self) { Array($0) } }

    /// Reads bytes in the machine's order.
    ///
    /// - Parameter bytes: As many bytes as the number has.
    init?(nativeBytes bytes: ArraySlice<UInt8>) {
        guard bytes.count == MemoryLayout<Self>.size else { return nil }
        var value = Self()
        withUnsafeMutableBytes(of: &value) { $0.copyBytes(from: bytes) }
        self = value
    }
}

extension [UInt8] {
    /// The text before the zero that ends it.
    var cString: String { String(decoding: prefix { $0 != 0 }, as: UTF8.self) }
}
