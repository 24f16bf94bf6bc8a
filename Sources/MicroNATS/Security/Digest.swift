internal import COpenSSL

/// Digests of bytes.
package enum Digest {
    /// Returns the 32 bytes of the SHA-256 digest.
    ///
    /// - Parameter bytes: The bytes.
    /// - Returns: The digest.
    package static func sha256(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        let input = Array(bytes)
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        // One-shot and without allocation: it can't fail with a buffer of this size.
        _ = SHA256(input, input.count, &digest)
        return digest
    }
}
