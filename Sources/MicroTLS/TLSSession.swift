internal import COpenSSL
internal import MicroCore
internal import NIOCore

/// OpenSSL's side of one connection: bytes of the network in and out, plain bytes in and out.
///
/// It knows no channel and calls nobody, so nothing can come back into OpenSSL while it works.
final class TLSSession {
    /// Where OpenSSL keeps our ``PeerVerification`` for the callback: the place of its "app data".
    static let verificationIndex: Int32 = 0

    /// The largest plain text of one record.
    static let maximumRecord = 16384

    /// What a record adds to its plain text, at most, with the ciphers that we use.
    static let recordOverhead = 32

    /// How far an operation has come.
    enum Progress: Equatable {
        /// More has to be received.
        case needsMore

        /// The handshake is done.
        case done

        /// The peer has said that it sends nothing more.
        case closed

        /// The connection is unusable.
        case failed(TLSError)
    }

    let wire = Wire()

    private let context: TLSContext

    /// What the connection began with: the files may change while it is open.
    private let native: NativeContext
    private let verification: PeerVerification
    private let ssl: OpaquePointer

    /// Creates a session.
    ///
    /// - Parameters:
    ///   - context: What all connections share.
    ///   - peer: Who a server must be.
    /// - Throws: A ``TLSError`` if the name that a server must have is missing, or there is no memory.
    init(_ context: TLSContext, peer: PeerName?) throws(TLSError) {
        let name = try Self.expectedName(context, peer: peer)
        ERR_clear_error()
        let native = context.native
        guard let ssl = SSL_new(native.pointer) else {
            throw TLSError(
                .failed, "A TLS connection can't be created: \(OpenSSLErrors.text(OpenSSLErrors.take())).")
        }
        let verification = PeerVerification(expected: context.verifiesServer ? name : nil)
        guard let bio = WireBIO.make(for: wire, method: native.bioMethod) else {
            SSL_free(ssl)
            throw TLSError(.failed, "A TLS connection can't be created: out of memory.")
        }
        // The SSL takes the BIO over, and is freed before `wire` and `verification` are.
        SSL_set_bio(ssl, bio, bio)
        (self.context, self.native, self.verification, self.ssl) = (context, native, verification, ssl)
        guard
            SSL_set_ex_data(
                ssl, Self.verificationIndex, Unmanaged.passUnretained(verification).toOpaque()) == 1,
            name?.serverNameIndication.map({ micro_SSL_set_tlsext_host_name(ssl, $0) == 1 }) ?? true
        else { throw TLSError(.failed, "A TLS connection can't be created: out of memory.") }
        if context.role == .server { SSL_set_accept_state(ssl) } else { SSL_set_connect_state(ssl) }
    }

    deinit { SSL_free(ssl) }

    private static func expectedName(_ context: TLSContext, peer: PeerName?) throws(TLSError) -> ExpectedName?
    {
        guard context.role == .client else { return nil }
        if let peer { return ExpectedName(peer, override: context.expectedName) }
        if let name = context.expectedName { return ExpectedName(.service(name), override: name) }
        guard context.verifiesServer else { return nil }
        throw TLSError(
            .peerNotTrusted,
            "The name that the server's certificate must have is unknown. Give the service, the host, or "
                + "an expected name."
        )
    }

    /// Gives what the network has brought.
    func feed(_ bytes: consuming ByteBuffer) {
        if wire.input.readableBytes == 0 {
            wire.input = bytes
        } else {
            wire.input.writeImmutableBuffer(bytes)
        }
    }

    /// Goes on with the handshake, as far as what was fed reaches.
    func handshake() -> Progress {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        wire.releaseInput()
        return result == 1 ? .done : progress(result, isHandshake: true)
    }

    /// Checks what OpenSSL doesn't when the handshake is done.
    ///
    /// - Returns: What was agreed on.
    /// - Throws: A ``TLSError`` if the peer can't be accepted.
    func completeHandshake() throws(TLSError) -> TLSHandshakeCompleted {
        // OpenSSL has refused such a server already; this holds if its callback should ever change.
        guard !context.verifiesServer || (verification.isNameVerified && SSL_get_verify_result(ssl) == 0)
        else { throw TLSError(.peerNotTrusted, "The server's certificate was not verified.") }
        let alpn = negotiatedProtocol
        guard context.alpn.isEmpty || alpn.map(context.alpn.contains) == true else {
            throw TLSError(
                .noCommonProtocol,
                "The \(peerNoun) doesn't negotiate an application protocol (ALPN); we speak "
                    + "\(context.alpn.joined(separator: ", ")). Check that it is a peer of this protocol."
            )
        }
        return TLSHandshakeCompleted(
            alpn: alpn, peerIdentities: peerIdentities,
            version: SSL_version(ssl) == TLS1_3_VERSION ? .tls13 : .tls12)
    }

    private var negotiatedProtocol: String? {
        var bytes: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &bytes, &count)
        guard let bytes, count > 0 else { return nil }
        // OpenSSL's own copy, valid as long as the SSL; it is copied here.
        return String(decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
    }

    private var peerIdentities: [String] {
        guard context.role == .server || context.verifiesServer, SSL_get_verify_result(ssl) == 0,
            SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER != 0,
            let certificate = SSL_get0_peer_certificate(ssl)
        else { return [] }
        return CertificateNames(of: certificate).identities
    }

    /// Decrypts what was fed.
    ///
    /// - Parameter plain: Where to append the plain bytes.
    /// - Returns: Why there are no more.
    func read(into plain: inout ByteBuffer) -> Progress {
        // The plain text is smaller than the input except for the record whose begin came earlier.
        plain.reserveCapacity(minimumWritableBytes: max(wire.input.readableBytes, 256))
        while true {
            ERR_clear_error()
            var count = 0
            var result: Int32 = 0
            let pending = Int(max(SSL_pending(ssl), 1))
            plain.writeWithUnsafeMutableBytes(minimumWritableBytes: pending) { room in
                // OpenSSL writes at most `room.count` bytes and says how many in `count`.
                result = SSL_read_ex(ssl, room.baseAddress, room.count, &count)
                return count
            }
            guard result == 1 else {
                wire.releaseInput()
                return progress(result, isHandshake: false)
            }
        }
    }

    /// Encrypts bytes as one record.
    ///
    /// - Parameter plain: 1 to ``maximumRecord`` bytes.
    /// - Throws: A ``TLSError`` if the connection is unusable.
    func write(_ plain: UnsafeRawBufferPointer) throws(TLSError) {
        ERR_clear_error()
        var count = 0
        // OpenSSL reads the bytes during the call only: the wire takes everything, so nothing is
        // left for a second attempt.
        let result = SSL_write_ex(ssl, plain.baseAddress, plain.count, &count)
        guard result == 1 else {
            if case .failed(let error) = progress(result, isHandshake: false) { throw error }
            throw TLSError(.closed, "The TLS connection is closed.")
        }
    }

    /// Says to the peer that we send nothing more.
    func close() {
        ERR_clear_error()
        // It only appends the notification to the wire. If the connection is unusable, nothing is
        // to be said.
        _ = SSL_shutdown(ssl)
        ERR_clear_error()
    }

    private func progress(_ result: Int32, isHandshake: Bool) -> Progress {
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: .needsMore
        case SSL_ERROR_ZERO_RETURN: .closed
        default: .failed(failure(OpenSSLErrors.take(), isHandshake: isHandshake))
        }
    }

    private var peerNoun: String { context.role == .client ? "server" : "client" }

    private func failure(_ error: UInt, isHandshake: Bool) -> TLSError {
        FailureReport(
            error: error, peer: peerNoun, isHandshake: isHandshake, alpn: context.alpn,
            hasCertificate: SSL_get_certificate(ssl) != nil,
            verifyResult: SSL_get_verify_result(ssl), verification: verification
        ).tlsError
    }
}
