internal import COpenSSL
internal import MicroCore

/// The name that a server's certificate must have, and how it is looked for.
enum ExpectedName: Hashable {
    /// An IP address among the certificate's addresses.
    case address(String)

    /// A name among the certificate's DNS names, with wildcards as in RFC 6125.
    case host(String)

    /// A DNS name, or the last path component of a SPIFFE identity.
    case service(String)

    /// A whole SPIFFE identity.
    case uri(String)

    /// Finds out what kind of name to expect.
    ///
    /// - Parameters:
    ///   - peer: Who the peer must be by the caller's word.
    ///   - override: The name that the configuration gives in its place.
    init(_ peer: PeerName, override: String?) {
        switch peer {
        case _ where override?.hasPrefix("spiffe://") == true: self = .uri(override ?? "")
        case .service(let name): self = Self.classify(override ?? name) ?? .service(override ?? name)
        case .host(let host):
            let name = override ?? host
            self = Self.classify(name) ?? (override == nil ? .host(Self.canonical(name)) : .service(name))
        }
    }

    /// The name for the server name indication, or `nil` if it can't be sent.
    var serverNameIndication: String? {
        switch self {
        case .host(let name), .service(let name): Self.isDNSName(name) ? name : nil
        case .address, .uri: nil
        }
    }

    /// Whether a certificate has the name.
    ///
    /// - Parameter certificate: An `X509`, which is only borrowed.
    /// - Returns: Whether one of its alternative names is the expected one.
    func matches(_ certificate: OpaquePointer) -> Bool {
        switch self {
        case .address(let address): X509_check_ip_asc(certificate, address, 0) == 1
        case .host(let name): Self.hasDNSName(name, certificate)
        case .service(let name):
            Self.hasDNSName(name, certificate)
                || CertificateNames(of: certificate).uris.contains { Self.spiffeName(of: $0) == name }
        case .uri(let uri): CertificateNames(of: certificate).uris.contains(uri)
        }
    }

    /// The last path component of a SPIFFE identity.
    ///
    /// - Parameter uri: A URI, such as `spiffe://example.org/ns/shop/greeter`.
    /// - Returns: The component, or `nil` if the URI is no SPIFFE identity of a workload.
    static func spiffeName(of uri: String) -> String? {
        let prefix = "spiffe://"
        guard uri.hasPrefix(prefix), !uri.contains(where: { "?#%@".contains($0) }) else { return nil }
        let parts = uri.dropFirst(prefix.count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 2, parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
            return nil
        }
        return parts.last.map(String.init)
    }

    /// Whether a text has the form of a DNS name, which an IP address has not.
    ///
    /// - Parameter name: The text.
    /// - Returns: Whether it can be sent as the server name indication.
    static func isDNSName(_ name: String) -> Bool {
        guard (1...253).contains(name.utf8.count), !isAddress(name) else { return false }
        return name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.utf8.count)
                && label.utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                        true
                    default: false
                    }
                }
        }
    }

    private static func classify(_ name: String) -> Self? {
        // The zone of a link-local address is this machine's affair; no certificate has it.
        let address = String(name.prefix { $0 != "%" })
        return isAddress(address) ? .address(address) : nil
    }

    private static func canonical(_ host: String) -> String {
        host.hasSuffix(".") ? String(host.dropLast()) : host
    }

    private static func isAddress(_ text: String) -> Bool {
        guard let address = a2i_IPADDRESS(text) else { return false }
        ASN1_OCTET_STRING_free(address)
        return true
    }

    private static func hasDNSName(_ name: String, _ certificate: OpaquePointer) -> Bool {
        // With a leading dot OpenSSL would accept every name below it.
        guard !name.isEmpty, !name.hasPrefix(".") else { return false }
        let flags = UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)
        return X509_check_host(certificate, name, name.utf8.count, flags, nil) == 1
    }
}

extension ExpectedName: CustomStringConvertible {
    /// What a certificate must have, for an error's text.
    var description: String {
        switch self {
        case .address(let address): "IP:\(address)"
        case .host(let name): "DNS:\(name)"
        case .service(let name): "DNS:\(name) or URI:spiffe://…/\(name)"
        case .uri(let uri): "URI:\(uri)"
        }
    }
}
