internal import COpenSSL
internal import MicroCore

/// A certificate of OpenSSL's, of which this holds one reference.
final class Certificate {
    let pointer: OpaquePointer

    /// Takes over a reference.
    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { X509_free(pointer) }
}

/// A private key of OpenSSL's, of which this holds one reference.
final class PrivateKey {
    let pointer: OpaquePointer

    /// Takes over a reference.
    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { EVP_PKEY_free(pointer) }
}

extension PEMText {
    /// More certificates than these in one text are an error; the system's roots are about 150.
    static let maximumCertificates = 2048

    /// Reads all certificates.
    ///
    /// - Returns: At least one certificate.
    /// - Throws: A ``StartError`` if there is none or one is damaged.
    func certificates() throws(StartError) -> [Certificate] {
        var certificates: [Certificate] = []
        ERR_clear_error()
        withBIO { bio in
            while certificates.count <= Self.maximumCertificates,
                let certificate = PEM_read_bio_X509(bio, nil, refusePassword, nil)
            {
                certificates.append(Certificate(certificate))
            }
        }
        let error = ERR_peek_last_error()
        ERR_clear_error()
        guard !certificates.isEmpty || ERR_GET_REASON(error) != PEM_R_NO_START_LINE else {
            throw StartError(
                .security,
                "\(name) has no certificate in PEM form (-----BEGIN CERTIFICATE-----). "
                    + "Check that it isn't the key or a DER file; openssl x509 -inform der converts the latter."
            )
        }
        // The end of the text shows as a missing start line; any other error is a damaged certificate.
        guard ERR_GET_REASON(error) == PEM_R_NO_START_LINE else {
            throw StartError(
                .security,
                "\(name) has a damaged certificate at position \(certificates.count + 1): "
                    + "\(OpenSSLErrors.text(error)). Write the file anew."
            )
        }
        return certificates
    }

    /// Reads the private key.
    ///
    /// - Returns: The key.
    /// - Throws: A ``StartError`` if there is none, or it is damaged or encrypted.
    func privateKey() throws(StartError) -> PrivateKey {
        ERR_clear_error()
        var key: PrivateKey?
        withBIO { bio in
            key = PEM_read_bio_PrivateKey(bio, nil, refusePassword, nil).map(PrivateKey.init)
        }
        let error = ERR_peek_error()
        ERR_clear_error()
        if let key { return key }
        let text = String(decoding: bytes, as: UTF8.self)
        guard !text.contains("ENCRYPTED") else {
            throw StartError(
                .security,
                "\(name) is encrypted. Remove the passphrase (openssl pkey -in KEY -out PLAIN) and protect "
                    + "the file by its permissions."
            )
        }
        guard text.contains("PRIVATE KEY-----") else {
            throw StartError(
                .security,
                "\(name) has no private key in PEM form (-----BEGIN PRIVATE KEY-----). "
                    + "Check that it isn't the certificate or a DER file."
            )
        }
        throw StartError(.security, "\(name) is damaged: \(OpenSSLErrors.text(error)). Write the file anew.")
    }

    private func withBIO(_ body: (OpaquePointer) -> Void) {
        bytes.withUnsafeBytes { raw in
            // The BIO reads the array in place and is gone before the array's pointer is. The size
            // is at most `maximumSize`, so it fits.
            guard let bio = BIO_new_mem_buf(raw.baseAddress, Int32(raw.count)) else { return }
            defer { BIO_free(bio) }
            body(bio)
        }
    }
}

/// Answers OpenSSL's question for a passphrase, which it would otherwise ask at the terminal.
private func refusePassword(
    _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int32, _ isWriting: Int32,
    _ data: UnsafeMutableRawPointer?
) -> Int32 { -1 }
