extension TLSConfiguration {
    /// The settings of how connections are secured, which a part that reads ``PluginContext/tls()`` declares: its
    /// role's own, and those that all parts share.
    public static var settings: [SettingDeclaration] {
        TLSSettings(.role).declarations + sharedSettings
    }

    /// The settings that all parts share, for a part that reads ``init(_:)`` alone.
    public static var sharedSettings: [SettingDeclaration] {
        TLSSettings(.shared).declarations + [TLSSettings.reloadInterval.declaration]
    }

    /// Reads how connections are secured by the settings that all parts share.
    ///
    /// It is `nil` if none is set, which means plaintext.
    ///
    /// - Parameter settings: The settings, such as ``PluginContext/settings``.
    /// - Throws: A ``StartError`` if a value can't be used, or two contradict each other.
    public init?(_ settings: Settings) throws(StartError) {
        guard let tls = try TLSValues(settings, .shared).configuration() else { return nil }
        self = tls
    }
}

extension PluginContext {
    /// How connections of the role are secured.
    ///
    /// By its own settings, such as `MICRO_REGISTRY_TLS_CA`, if any of them is set, or else by those that all roles
    /// share. The part declares ``TLSConfiguration/settings``.
    ///
    /// - Returns: The certificates and verification; `nil` for plaintext.
    /// - Throws: A ``StartError`` if a value can't be used, or two contradict each other.
    public func tls() throws(StartError) -> TLSConfiguration? {
        if let own = try TLSValues(settings, .role).configuration() { return own }
        return try TLSConfiguration(settings)
    }
}

/// The settings of TLS in one scope.
private struct TLSSettings {
    /// One for all scopes; by itself it does not turn TLS on.
    static let reloadInterval = Setting(
        "tls.reload.interval", .duration(in: .zero ... .seconds(24 * 3600)),
        default: TLSConfiguration().reloadInterval, scope: .shared,
        "how often the files of all TLS variables are looked at for changes, which count for new connections; `0` for never"
    )

    let certificate: Setting<String?>
    let key: Setting<String?>
    let trustRoots: Setting<String>
    let clientAuth: Setting<TLSConfiguration.ClientVerification>
    let name: Setting<String?>
    let skipsVerification: Setting<Bool>

    init(_ scope: SettingScope) {
        certificate = Setting(
            "tls.cert", .text("a path"), scope: scope, "our certificate chain, a PEM file; needs the key")
        key = Setting("tls.key", .text("a path"), scope: scope, "the certificate's key, a PEM file")
        trustRoots = Setting(
            "tls.ca", .text("a path, or system"), default: "system", scope: scope,
            "the certificates to trust, a PEM file, or the system's")
        clientAuth = Setting(
            "tls.client.auth", .choice(["none": .none, "optional": .optional, "required": .required]),
            default: .none, scope: scope, "whether a server asks clients for a certificate")
        name = Setting(
            "tls.name", .text("a name"), without: "the service's name, or the host's", scope: scope,
            "the name that a server's certificate must have")
        skipsVerification = Setting(
            "tls.insecure.skip.verify", .flag, default: false, scope: scope,
            "`true` accepts any certificate: for tests alone")
    }

    var declarations: [SettingDeclaration] {
        [
            certificate.declaration, key.declaration, trustRoots.declaration, clientAuth.declaration,
            name.declaration, skipsVerification.declaration,
        ]
    }
}

/// What is set of them.
private struct TLSValues {
    let settings: Settings
    let keys: TLSSettings
    let certificate: String?
    let key: String?

    /// The file of the trusted certificates; `nil` for the system's.
    let trustRootsFile: String?
    let clientVerification: TLSConfiguration.ClientVerification
    let name: String?
    let skipsVerification: Bool

    init(_ settings: Settings, _ scope: SettingScope) throws(StartError) {
        self.settings = settings
        keys = TLSSettings(scope)
        certificate = try settings[keys.certificate]
        key = try settings[keys.key]
        let trustRoots = try settings[keys.trustRoots]
        trustRootsFile = trustRoots == keys.trustRoots.defaultValue ? nil : trustRoots
        clientVerification = try settings[keys.clientAuth]
        name = try settings[keys.name]
        skipsVerification = try settings[keys.skipsVerification]
    }

    /// What they amount to; `nil` if none is set.
    func configuration() throws(StartError) -> TLSConfiguration? {
        var isAnySet = false
        for declaration in keys.declarations where try settings.text(declaration) != nil { isAnySet = true }
        guard isAnySet else { return nil }
        try check()
        var tls = TLSConfiguration(
            certificateChain: certificate.map(TLSConfiguration.PEMSource.file),
            privateKey: key.map(TLSConfiguration.PEMSource.file),
            trustRoots: trustRootsFile.map(TLSConfiguration.PEMSource.file),
            clientVerification: clientVerification, expectedName: name,
            reloadInterval: try settings[TLSSettings.reloadInterval])
        tls.insecurelySkipsVerification = skipsVerification
        return tls
    }

    private func check() throws(StartError) {
        let (cert, key) = (settings.name(keys.certificate), settings.name(keys.key))
        if certificate != nil, self.key == nil {
            throw contradiction("\(cert) is set, but \(key) is not. Set it to the certificate's key.")
        }
        if self.key != nil, certificate == nil {
            throw contradiction("\(key) is set, but \(cert) is not. Set it to the key's certificate.")
        }
        try checkClientVerification()
        if skipsVerification, let name {
            throw contradiction(
                "\(settings.name(keys.name)) is \"\(name)\", but \(settings.name(keys.skipsVerification)) "
                    + "turns the check of names off. Remove one of the two.")
        }
    }

    private func checkClientVerification() throws(StartError) {
        guard clientVerification != .none, let text = try settings.text(keys.clientAuth.declaration) else {
            return
        }
        let given = "\(text.origin) is \"\(text.text)\""
        if certificate == nil {
            throw contradiction(
                "\(given), but a server without a certificate can't ask for one. Set \(settings.name(keys.certificate)) "
                    + "and \(settings.name(keys.key)), or remove it.")
        }
        if trustRootsFile == nil {
            throw contradiction(
                "\(given), but nothing says whose certificates clients must have. Set "
                    + "\(settings.name(keys.trustRoots)) to a file.")
        }
    }

    private func contradiction(_ message: String) -> StartError {
        StartError(.invalidConfiguration, message)
    }
}
