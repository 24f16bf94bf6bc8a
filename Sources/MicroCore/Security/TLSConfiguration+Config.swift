public import Configuration

extension TLSConfiguration {
    /// Reads how connections are secured from the configuration that all parts share.
    ///
    /// It is `nil` if no key is set, which means plaintext.
    ///
    /// ## Configuration keys
    ///
    /// - `tls.cert` (`MICRO_TLS_CERT`): The path of our certificate chain in PEM form. Needs `tls.key`.
    /// - `tls.key` (`MICRO_TLS_KEY`): The path of the certificate's key in PEM form. Needs `tls.cert`.
    /// - `tls.ca` (`MICRO_TLS_CA`): The path of the certificates to trust in PEM form; `system` for the
    ///   system's, which are also the default.
    /// - `tls.client.auth` (`MICRO_TLS_CLIENT_AUTH`): Whether a server asks clients for a certificate:
    ///   `none` (the default), `optional` or `required`. The latter two need `tls.cert` and a file in
    ///   `tls.ca`.
    /// - `tls.name` (`MICRO_TLS_NAME`): The name that a server's certificate must have, in place of the
    ///   service's or host's.
    /// - `tls.insecure.skip.verify` (`MICRO_TLS_INSECURE_SKIP_VERIFY`): `true` makes clients accept any
    ///   certificate. Contradicts `tls.name`.
    ///
    /// - Parameter config: The configuration with the prefix `micro`, as ``PluginContext/sharedConfig``
    ///   has it.
    /// - Throws: A ``StartError`` if a value can't be used, or two contradict each other.
    public init?(config: ConfigReader) throws(StartError) {
        let keys = TLSKeys(config: config)
        guard keys.isAnySet else { return nil }
        try keys.check()
        self.init(
            certificateChain: keys.certificate.map(PEMSource.file),
            privateKey: keys.key.map(PEMSource.file),
            trustRoots: keys.trustRootsFile.map(PEMSource.file),
            clientVerification: try keys.clientVerification(),
            expectedName: keys.name)
        insecurelySkipsVerification = try keys.skipsVerification()
    }
}

/// The values of the keys as they were given.
private struct TLSKeys {
    let certificate: String?
    let key: String?
    let trustRoots: String?
    let clientAuth: String?
    let name: String?
    let skipVerify: String?

    init(config: ConfigReader) {
        func value(_ key: ConfigKey) -> String? {
            config.string(forKey: key).flatMap { $0.isEmpty ? nil : $0 }
        }
        certificate = value("tls.cert")
        key = value("tls.key")
        trustRoots = value("tls.ca")
        clientAuth = value("tls.client.auth")
        name = value("tls.name")
        skipVerify = value("tls.insecure.skip.verify")
    }

    var isAnySet: Bool {
        [certificate, key, trustRoots, clientAuth, name, skipVerify].contains { $0 != nil }
    }

    /// The file of the trusted certificates; `nil` for the system's.
    var trustRootsFile: String? { trustRoots == "system" ? nil : trustRoots }

    func check() throws(StartError) {
        if certificate != nil, key == nil {
            throw invalid("MICRO_TLS_CERT is set, but MICRO_TLS_KEY is not. Set it to the certificate's key.")
        }
        if key != nil, certificate == nil {
            throw invalid("MICRO_TLS_KEY is set, but MICRO_TLS_CERT is not. Set it to the key's certificate.")
        }
        let verification = try clientVerification()
        if verification != .none, certificate == nil {
            throw invalid(
                "MICRO_TLS_CLIENT_AUTH is \"\(clientAuth ?? "")\", but a server without a certificate can't ask "
                    + "for one. Set MICRO_TLS_CERT and MICRO_TLS_KEY, or remove it.")
        }
        if verification != .none, trustRootsFile == nil {
            throw invalid(
                "MICRO_TLS_CLIENT_AUTH is \"\(clientAuth ?? "")\", but nothing says whose certificates clients "
                    + "must have. Set MICRO_TLS_CA to a file.")
        }
        if try skipsVerification(), let name {
            throw invalid(
                "MICRO_TLS_NAME is \"\(name)\", but MICRO_TLS_INSECURE_SKIP_VERIFY turns the check of names off. "
                    + "Remove one of the two.")
        }
    }

    func clientVerification() throws(StartError) -> TLSConfiguration.ClientVerification {
        switch clientAuth {
        case nil, "none": .none
        case "optional": .optional
        case "required": .required
        case .some(let other):
            throw invalid("MICRO_TLS_CLIENT_AUTH is \"\(other)\". It must be none, optional or required.")
        }
    }

    func skipsVerification() throws(StartError) -> Bool {
        switch skipVerify?.lowercased() {
        case nil, "false", "no", "0": false
        case "true", "yes", "1": true
        case .some(let other):
            throw invalid("MICRO_TLS_INSECURE_SKIP_VERIFY is \"\(other)\". It must be true or false.")
        }
    }

    private func invalid(_ message: String) -> StartError { StartError(.invalidConfiguration, message) }
}
