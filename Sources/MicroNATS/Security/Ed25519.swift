internal import COpenSSL

/// An Ed25519 key of OpenSSL, for the signatures of nkeys.
final class Ed25519: Sendable {
    // OpenSSL's keys may be used by several threads at once as long as nobody changes them, and this one
    // is never changed after it was made; that the pointer is freed once is this object's work.
    private nonisolated(unsafe) let key: OpaquePointer

    /// Creates a key.
    ///
    /// - Parameter privateKey: The 32 bytes of the private key.
    /// - Throws: A ``NATSError`` with the code `invalidCredentials`.
    init(privateKey: [UInt8]) throws(NATSError) {
        guard let key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, privateKey, privateKey.count)
        else {
            throw Self.failure
        }
        self.key = key
    }

    deinit { EVP_PKEY_free(key) }

    /// Returns the 32 bytes of the public key.
    func publicKey() throws(NATSError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 32)
        var length = bytes.count
        guard EVP_PKEY_get_raw_public_key(key, &bytes, &length) == 1, length == 32 else { throw Self.failure }
        return bytes
    }

    /// Returns the 64 bytes of a signature.
    func sign(_ message: [UInt8]) throws(NATSError) -> [UInt8] {
        guard let context = EVP_MD_CTX_new() else { throw Self.failure }
        defer { EVP_MD_CTX_free(context) }
        var signature = [UInt8](repeating: 0, count: 64)
        var length = signature.count
        guard EVP_DigestSignInit(context, nil, nil, nil, key) == 1,
            EVP_DigestSign(context, &signature, &length, message, message.count) == 1, length == 64
        else { throw Self.failure }
        return signature
    }

    private static let failure = NATSError(
        .invalidCredentials, "The nkey can't be used: OpenSSL has no Ed25519, or refuses the key.")
}
