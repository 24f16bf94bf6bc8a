internal import COpenSSL
internal import MicroCore

/// An `SSL_CTX` with what its callbacks need.
///
/// It is `@unchecked Sendable` for these reasons: it is changed only by the functions of this file,
/// which its initialiser calls before anybody else has a reference; afterwards only
/// `SSL_new` uses the `SSL_CTX`, whose reference count is atomic and whose remaining shared parts
/// (session cache, ticket keys) OpenSSL locks itself, as its manual openssl-threads(7) says. The other
/// members are constants, and the ALPN bytes are written before the sharing begins.
final class NativeContext: @unchecked Sendable {
    let pointer: OpaquePointer

    /// The protocols in the form of the wire: each with its length in front.
    private(set) var alpnWire: [UInt8] = []

    /// The way in which connections reach memory in place of a socket.
    let bioMethod: OpaquePointer

    /// Reads the files of a configuration.
    ///
    /// - Parameters:
    ///   - configuration: Certificates, trust and rules.
    ///   - role: Which side of the connections it is for.
    ///   - alpn: The application protocols by preference.
    /// - Throws: A ``StartError`` that names the file or text, what is wrong with it, and what to do.
    convenience init(
        _ configuration: TLSConfiguration, role: TLSContext.Role, alpn: [String]
    ) throws(StartError) {
        try self.init(role: role)
        try setRules(minimumVersion: configuration.minimumVersion)
        try setIdentity(configuration, role: role)
        try setTrust(configuration, role: role)
        try setALPN(alpn, role: role)
    }

    private init(role: TLSContext.Role) throws(StartError) {
        ERR_clear_error()
        guard let pointer = SSL_CTX_new(role == .server ? TLS_server_method() : TLS_client_method()) else {
            throw StartError(
                .security,
                "OpenSSL can't create a context: \(OpenSSLErrors.text(OpenSSLErrors.take())). "
                    + "Check its configuration file (openssl version -d)."
            )
        }
        guard let bioMethod = WireBIO.makeMethod() else {
            SSL_CTX_free(pointer)
            throw StartError(.security, "OpenSSL can't create a BIO method: out of memory.")
        }
        (self.pointer, self.bioMethod) = (pointer, bioMethod)
    }

    deinit {
        // Sessions hold a reference to this object, so no BIO of the method is left.
        SSL_CTX_free(pointer)
        BIO_meth_free(bioMethod)
    }

    /// Sets versions, ciphers and what is never done.
    private func setRules(minimumVersion: TLSConfiguration.Version) throws(StartError) {
        let version = minimumVersion == .tls13 ? TLS1_3_VERSION : TLS1_2_VERSION
        // With TLS 1.2 forward secrecy and authenticated encryption only, as HTTP/2 demands.
        guard micro_SSL_CTX_set_min_proto_version(pointer, version) == 1,
            SSL_CTX_set_cipher_list(pointer, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1,
            SSL_CTX_set_ciphersuites(
                pointer, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1
        else {
            throw StartError(
                .security,
                "OpenSSL can't be set up: \(OpenSSLErrors.text(OpenSSLErrors.take())). "
                    + "Check its configuration file (openssl version -d)."
            )
        }
        micro_SSL_CTX_forbid(pointer, 0)
        // Connections keep no buffers while they are idle. Nobody looks a session up: servers put
        // what they need to resume into the ticket, clients don't resume.
        micro_SSL_CTX_set_mode(
            pointer, Int(SSL_MODE_RELEASE_BUFFERS) | Int(SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
        micro_SSL_CTX_set_session_cache_mode(pointer, Int(SSL_SESS_CACHE_OFF))
    }

    /// Sets our certificate and key.
    private func setIdentity(_ configuration: TLSConfiguration, role: TLSContext.Role) throws(StartError) {
        switch (configuration.certificateChain, configuration.privateKey) {
        case (nil, nil):
            guard role == .client else {
                throw StartError(
                    .security, "A server with TLS needs a certificate chain and its private key; none is set."
                )
            }
        case (nil, _?):
            throw StartError(.security, "A private key is set without its certificate chain. Set both.")
        case (_?, nil):
            throw StartError(.security, "A certificate chain is set without its private key. Set both.")
        case (let chain?, let key?):
            let chain = try PEMText(chain, what: "certificate chain")
            let key = try PEMText(key, what: "private key")
            try setIdentity(chain, key)
        }
    }

    private func setIdentity(_ chain: PEMText, _ key: PEMText) throws(StartError) {
        let certificates = try chain.certificates()
        let privateKey = try key.privateKey()
        guard let leaf = certificates.first else { return }
        try leaf.checkValidity(name: chain.name)
        guard X509_check_private_key(leaf.pointer, privateKey.pointer) == 1 else {
            ERR_clear_error()
            throw StartError(
                .security,
                "\(key.name) doesn't belong to the first certificate of \(chain.name.lowercasedFirst). "
                    + "Check that both are of one pair and that our certificate comes first."
            )
        }
        guard SSL_CTX_use_certificate(pointer, leaf.pointer) == 1,
            SSL_CTX_use_PrivateKey(pointer, privateKey.pointer) == 1,
            certificates.dropFirst().allSatisfy({ micro_SSL_CTX_add1_chain_cert(pointer, $0.pointer) == 1 })
        else {
            throw StartError(
                .security,
                "\(chain.name) can't be used: \(OpenSSLErrors.text(OpenSSLErrors.take())). "
                    + "Make a certificate with a key of at least 2048 bits (RSA) or 256 bits (EC)."
            )
        }
    }

    /// Sets whom we trust, and whether we check.
    private func setTrust(_ configuration: TLSConfiguration, role: TLSContext.Role) throws(StartError) {
        if let roots = configuration.trustRoots {
            try setRoots(try PEMText(roots, what: "list of trust roots"))
        } else if role == .server, configuration.clientVerification != .none {
            // The system's roots would let in anyone with a public certificate.
            throw StartError(
                .security,
                "Clients are to be verified, but no trust roots are set. Set those that sign the clients."
            )
        } else if role == .client, SSL_CTX_set_default_verify_paths(pointer) != 1 {
            throw StartError(
                .security,
                "The system's trust roots can't be used: \(OpenSSLErrors.text(OpenSSLErrors.take())). "
                    + "Set trust roots."
            )
        }
        SSL_CTX_set_verify(pointer, verificationMode(configuration, role: role), PeerVerification.callback)
        guard role == .server, configuration.clientVerification != .none else { return }
        // A resumed session isn't verified again, so servers that verify clients resume none.
        micro_SSL_CTX_forbid(pointer, 1)
        SSL_CTX_set_num_tickets(pointer, 0)
    }

    private func setRoots(_ text: PEMText) throws(StartError) {
        let certificates = try text.certificates()
        guard let store = SSL_CTX_get_cert_store(pointer),
            certificates.allSatisfy({ X509_STORE_add_cert(store, $0.pointer) == 1 }),
            // Who is on the list is trusted, also without the authority above it.
            X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN)) == 1
        else {
            throw StartError(
                .security, "\(text.name) can't be used: \(OpenSSLErrors.text(OpenSSLErrors.take())).")
        }
    }

    private func verificationMode(_ configuration: TLSConfiguration, role: TLSContext.Role) -> Int32 {
        guard role == .server else {
            return configuration.insecurelySkipsVerification ? SSL_VERIFY_NONE : SSL_VERIFY_PEER
        }
        return switch configuration.clientVerification {
        case .required: SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
        case .optional: SSL_VERIFY_PEER
        default: SSL_VERIFY_NONE
        }
    }

    /// Sets the application protocols that a client offers and of which a server selects.
    private func setALPN(_ names: [String], role: TLSContext.Role) throws(StartError) {
        guard !names.isEmpty else { return }
        for name in names {
            guard let length = UInt8(exactly: name.utf8.count), length > 0 else {
                throw StartError(
                    .security, "The application protocol \"\(name)\" doesn't have 1 to 255 bytes.")
            }
            alpnWire += [length] + name.utf8
        }
        guard let count = UInt16(exactly: alpnWire.count) else {
            throw StartError(.security, "The application protocols have more than 65535 bytes.")
        }
        if role == .client {
            // It returns 0 on success and copies the bytes.
            guard SSL_CTX_set_alpn_protos(pointer, alpnWire, UInt32(count)) == 0 else {
                throw StartError(.security, "The application protocols can't be set: out of memory.")
            }
        } else {
            // The callback borrows this object, which outlives the SSL_CTX's last connection.
            SSL_CTX_set_alpn_select_cb(pointer, selectALPN, Unmanaged.passUnretained(self).toOpaque())
        }
    }

    /// Selects the first of our protocols that the client offers too.
    fileprivate func select(from offer: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8>? {
        var ours = alpnWire[...]
        while let length = ours.popFirst() {
            let name = ours.prefix(Int(length))
            ours = ours.dropFirst(Int(length))
            var index = 0
            while index < offer.count {
                let end = index + 1 + Int(offer[index])
                guard end <= offer.count else { return nil }
                let candidate = offer[(index + 1)..<end]
                if candidate.elementsEqual(name) { return UnsafeBufferPointer(rebasing: candidate) }
                index = end
            }
        }
        return nil
    }
}

/// Answers a client's offer; the answer points into the offer, as OpenSSL permits.
private func selectALPN(
    _ ssl: OpaquePointer?, _ out: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ outLength: UnsafeMutablePointer<UInt8>?, _ offer: UnsafePointer<UInt8>?, _ offerLength: UInt32,
    _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    guard let argument else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    // The argument is the context that set this callback: it frees the SSL_CTX in its deinit, and
    // every session holds a reference to it.
    let context = Unmanaged<NativeContext>.fromOpaque(argument).takeUnretainedValue()
    let bytes = UnsafeBufferPointer(start: offer, count: Int(offerLength))
    guard let selected = context.select(from: bytes), let length = UInt8(exactly: selected.count) else {
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
    out?.pointee = selected.baseAddress
    outLength?.pointee = length
    return SSL_TLSEXT_ERR_OK
}

extension Certificate {
    /// Checks that the certificate can be used now.
    ///
    /// - Parameter name: What to call it in an error.
    /// - Throws: A ``StartError`` if its time is over or hasn't come.
    func checkValidity(name: String) throws(StartError) {
        if let end = X509_get0_notAfter(pointer), X509_cmp_current_time(end) < 0 {
            throw StartError(
                .security,
                "\(name) expired on \(Self.text(of: end)). Renew it, or check this machine's clock.")
        }
        if let start = X509_get0_notBefore(pointer), X509_cmp_current_time(start) > 0 {
            throw StartError(
                .security,
                "\(name) isn't valid before \(Self.text(of: start)). Check this machine's clock.")
        }
    }

    private static func text(of time: UnsafePointer<ASN1_TIME>) -> String {
        var parts = tm()
        guard ASN1_TIME_to_tm(time, &parts) == 1 else { return "an unreadable date" }
        func padded(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(1900 + parts.tm_year)-\(padded(parts.tm_mon + 1))-\(padded(parts.tm_mday)) "
            + "\(padded(parts.tm_hour)):\(padded(parts.tm_min)) UTC"
    }
}

extension String {
    /// The text for the middle of a sentence.
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
