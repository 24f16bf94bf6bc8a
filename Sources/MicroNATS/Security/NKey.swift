internal import MicroCore

/// A key pair of NATS, read from its seed: Ed25519 in base32 with a checksum.
struct NKey: Sendable {
    /// The public key as text, such as `UB…` for a user.
    let publicKey: String

    private let key: Ed25519

    /// The first byte of a seed, which base32 makes an `S`.
    private static let seedPrefix: UInt8 = 18 << 3

    /// Reads a seed.
    ///
    /// - Parameter seed: The seed, such as `SUA…`.
    /// - Throws: A ``NATSError`` with the code `invalidCredentials`, without the seed itself.
    init(seed: String) throws(NATSError) {
        guard let decoded = Base32.decode(seed.utf8) else {
            throw Self.invalid("it has characters outside of base32")
        }
        guard decoded.count == 36 else {
            throw Self.invalid("it has \(decoded.count) bytes where a seed has 36")
        }
        let (body, sum) = (decoded[..<34], UInt16(decoded[34]) | UInt16(decoded[35]) << 8)
        guard CRC16.checksum(body) == sum else { throw Self.invalid("its checksum is wrong") }
        guard body[0] & 0xF8 == Self.seedPrefix else {
            throw Self.invalid("it is not a seed, which begins with S")
        }
        let kind = body[0] << 5 | body[1] >> 3
        key = try Ed25519(privateKey: Array(body[2...]))
        let encoded = [kind] + (try key.publicKey())
        let checksum = CRC16.checksum(encoded)
        publicKey = Base32.encode(
            encoded + [UInt8(truncatingIfNeeded: checksum), UInt8(truncatingIfNeeded: checksum >> 8)])
    }

    /// Signs a server's challenge.
    ///
    /// - Parameter nonce: The challenge.
    /// - Returns: The signature in base64 without padding, in the alphabet for URLs.
    /// - Throws: A ``NATSError`` with the code `invalidCredentials`.
    func sign(_ nonce: String) throws(NATSError) -> String {
        // The alphabet of RFC 4648, section 5, which is safe in URLs.
        let text = Base64.encode(try key.sign(Array(nonce.utf8)), padding: false).map { character in
            switch character {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            default: character
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func invalid(_ reason: String) -> NATSError {
        NATSError(.invalidCredentials, "The nkey seed can't be used: \(reason).")
    }
}
