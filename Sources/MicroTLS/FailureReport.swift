internal import COpenSSL
internal import MicroCore

/// What is known about a failure, and the error that tells it.
struct FailureReport {
    /// The number from OpenSSL's queue.
    var error: UInt

    /// Who is on the other side: `server` or `client`.
    var peer: String

    /// Whether it happened before the connection was secured.
    var isHandshake: Bool

    /// Our application protocols.
    var alpn: [String]

    /// Whether we have a certificate.
    var hasCertificate: Bool

    /// What OpenSSL found when it checked the peer's certificate.
    var verifyResult: Int

    /// What we found.
    var verification: PeerVerification

    /// The error in words for the person who has to fix it.
    var tlsError: TLSError {
        let reason = ERR_GET_REASON(error)
        guard ERR_GET_LIB(error) == ERR_LIB_SSL else { return other }
        // A reason from 1000 on is an alert that the peer has sent.
        if reason >= SSL_AD_REASON_OFFSET { return refusal(alert: reason - SSL_AD_REASON_OFFSET) }
        switch reason {
        case SSL_R_CERTIFICATE_VERIFY_FAILED: return notTrusted
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return TLSError(
                .peerNotTrusted,
                "We refused the client: it has no certificate, and this server demands one. "
                    + "Give the client a certificate of a trusted authority."
            )
        case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST, SSL_R_WRONG_VERSION_NUMBER,
            SSL_R_PACKET_LENGTH_TOO_LONG, SSL_R_UNKNOWN_PROTOCOL:
            guard isHandshake else { return other }
            return TLSError(
                .notTLS,
                "The \(peer) doesn't speak TLS (\(OpenSSLErrors.text(error))): it may speak plaintext. "
                    + "Use TLS on both sides or on neither."
            )
        case SSL_R_NO_APPLICATION_PROTOCOL:
            return TLSError(
                .noCommonProtocol,
                "We refused the \(peer): it speaks none of our application protocols "
                    + "(ALPN \(alpn.joined(separator: ", ")))."
            )
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW, SSL_R_NO_SHARED_CIPHER,
            SSL_R_NO_PROTOCOLS_AVAILABLE, SSL_R_WRONG_SSL_VERSION:
            return TLSError(
                .noCommonProtocol,
                "We refused the \(peer): \(OpenSSLErrors.text(error)). It must speak TLS 1.2 or 1.3, not "
                    + "below the configured minimum, with forward secrecy."
            )
        default: return other
        }
    }

    private var other: TLSError {
        TLSError(
            .failed,
            (isHandshake ? "The TLS handshake with the \(peer) failed: " : "The TLS connection failed: ")
                + "\(OpenSSLErrors.text(error))."
        )
    }

    private var notTrusted: TLSError {
        if let presented = verification.presented, let expected = verification.expected {
            return TLSError(
                .peerNotTrusted,
                "We refused the \(peer): its certificate has another name. Expected \(expected); it has "
                    + "\(presented.summary.printable()). Check the address, or set the expected name."
            )
        }
        // The texts are literals of the library.
        let reason = X509_verify_cert_error_string(verifyResult).map { String(cString: $0) } ?? "unknown"
        let whose =
            verification.refused.map {
                " (subject \($0.subject.printable()), issuer \($0.issuer.printable()))"
            } ?? ""
        let advice =
            switch Int32(truncatingIfNeeded: verifyResult) {
            case X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID:
                "Renew the certificate, or check this machine's clock."
            default: "Check that the trust roots hold the authority that signed it."
            }
        return TLSError(
            .peerNotTrusted,
            "We refused the \(peer): its certificate\(whose) isn't valid: \(reason). \(advice)")
    }

    private func refusal(alert: Int32) -> TLSError {
        let text = OpenSSLErrors.text(error)
        switch alert {
        case SSL_AD_NO_APPLICATION_PROTOCOL:
            return TLSError(
                .noCommonProtocol,
                "The \(peer) refused us: it speaks none of our application protocols "
                    + "(ALPN \(alpn.joined(separator: ", ")))."
            )
        case SSL_AD_PROTOCOL_VERSION, SSL_AD_INSUFFICIENT_SECURITY:
            return TLSError(.noCommonProtocol, "The \(peer) refused us: no common version of TLS (\(text)).")
        default: return TLSError(.refusedByPeer, "The \(peer) refused us: \(text).\(advice(alert: alert))")
        }
    }

    private func advice(alert: Int32) -> String {
        switch alert {
        case SSL_AD_CERTIFICATE_REQUIRED, SSL_AD_HANDSHAKE_FAILURE:
            hasCertificate ? "" : " We have no certificate; if it demands one, set one."
        case SSL_AD_BAD_CERTIFICATE, SSL_AD_UNSUPPORTED_CERTIFICATE, SSL_AD_CERTIFICATE_REVOKED,
            SSL_AD_CERTIFICATE_EXPIRED, SSL_AD_CERTIFICATE_UNKNOWN, SSL_AD_UNKNOWN_CA:
            " Check that our certificate is valid, has the name that the \(peer) expects, and is signed by "
                + "an authority that it trusts."
        default: ""
        }
    }
}
