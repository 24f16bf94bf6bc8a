extension TLSConfiguration {
    /// Reads how connections are secured.
    ///
    /// It is `nil` if no key is set, which means plaintext.
    ///
    /// ## Configuration keys
    ///
    /// The variables are those that all parts share; a role's own begin with its name, `MICRO_REGISTRY_TLS_CERT`.
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
    /// - Parameter variables: The variables, such as ``PluginContext/sharedVariables``.
    /// - Throws: A ``StartError`` if a value can't be used, or two contradict each other.
    public init?(_ variables: PluginVariables) throws(StartError) {
        let keys = TLSKeys(variables)
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
    let variables: PluginVariables
    let certificate: String?
    let key: String?
    let trustRoots: String?
    let clientAuth: String?
    let name: String?

    init(_ variables: PluginVariables) {
        self.variables = variables
        certificate = variables.text("tls.cert")
        key = variables.text("tls.key")
        trustRoots = variables.text("tls.ca")
        clientAuth = variables.text("tls.client.auth")
        name = variables.text("tls.name")
    }

    var isAnySet: Bool {
        let skipVerify = variables.text("tls.insecure.skip.verify")
        return [certificate, key, trustRoots, clientAuth, name, skipVerify].contains { $0 != nil }
    }

    /// The file of the trusted certificates; `nil` for the system's.
    var trustRootsFile: String? { trustRoots == "system" ? nil : trustRoots }

    func check() throws(StartError) {
        let (cert, key) = (variables.name("tls.cert"), variables.name("tls.key"))
        if certificate != nil, self.key == nil {
            throw contradiction("\(cert) is set, but \(key) is not. Set it to the certificate's key.")
        }
        if self.key != nil, certificate == nil {
            throw contradiction("\(key) is set, but \(cert) is not. Set it to the key's certificate.")
        }
        try checkClientVerification()
        if try skipsVerification(), let name {
            throw contradiction(
                "\(variables.name("tls.name")) is \"\(name)\", but \(variables.name("tls.insecure.skip.verify")) "
                    + "turns the check of names off. Remove one of the two.")
        }
    }

    private func checkClientVerification() throws(StartError) {
        guard try clientVerification() != .none else { return }
        let given = "\(variables.name("tls.client.auth")) is \"\(clientAuth ?? "")\""
        if certificate == nil {
            throw contradiction(
                "\(given), but a server without a certificate can't ask for one. Set \(variables.name("tls.cert")) "
                    + "and \(variables.name("tls.key")), or remove it.")
        }
        if trustRootsFile == nil {
            throw contradiction(
                "\(given), but nothing says whose certificates clients must have. Set "
                    + "\(variables.name("tls.ca")) to a file.")
        }
    }

    func clientVerification() throws(StartError) -> TLSConfiguration.ClientVerification {
        switch clientAuth {
        case nil, "none": .none
        case "optional": .optional
        case "required": .required
        default: throw variables.invalid("tls.client.auth", "none, optional or required")
        }
    }

    func skipsVerification() throws(StartError) -> Bool {
        try variables.flag("tls.insecure.skip.verify") ?? false
    }

    private func contradiction(_ message: String) -> StartError {
        StartError(.invalidConfiguration, message)
    }
}
