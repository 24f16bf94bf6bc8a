internal import COpenSSL
internal import MicroCore

/// Whether a peer is who it must be, and what was found.
///
/// OpenSSL checks the chain of signatures and calls back for each certificate; at the peer's own the
/// name is checked as well, so that a peer with a wrong name is refused by an alert.
final class PeerVerification {
    /// The name that a server's certificate must have; `nil` where names aren't checked.
    let expected: ExpectedName?

    /// Whether the name was found.
    private(set) var isNameVerified = false

    /// The names that the certificate has in place of the expected one.
    private(set) var presented: CertificateNames?

    /// The subject of the certificate that was refused, and of its issuer.
    private(set) var refused: (subject: String, issuer: String)?

    init(expected: ExpectedName?) { self.expected = expected }

    /// The function that OpenSSL calls for each certificate of a chain.
    static let callback: @convention(c) (Int32, OpaquePointer?) -> Int32 = { isValid, store in
        let index = SSL_get_ex_data_X509_STORE_CTX_idx()
        guard let store, let data = X509_STORE_CTX_get_ex_data(store, index),
            let verification = SSL_get_ex_data(OpaquePointer(data), TLSSession.verificationIndex)
        else { return 0 }
        // The ex data is what the session set: its verification, which it keeps until SSL_free.
        return Unmanaged<PeerVerification>.fromOpaque(verification).takeUnretainedValue()
            .check(isValid: isValid == 1, store)
    }

    private func check(isValid: Bool, _ store: OpaquePointer) -> Int32 {
        guard let certificate = X509_STORE_CTX_get_current_cert(store) else { return isValid ? 1 : 0 }
        guard isValid else {
            refused = (
                Self.text(of: X509_get_subject_name(certificate)),
                Self.text(of: X509_get_issuer_name(certificate))
            )
            return 0
        }
        guard X509_STORE_CTX_get_error_depth(store) == 0, let expected else { return 1 }
        isNameVerified = expected.matches(certificate)
        guard !isNameVerified else { return 1 }
        presented = CertificateNames(of: certificate)
        X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH)
        return 0
    }

    private static func text(of name: OpaquePointer?) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        // It writes at most the given size, with a NUL at the end, and escapes control characters.
        guard let name, X509_NAME_oneline(name, &buffer, Int32(buffer.count)) != nil else { return "unknown" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
