internal import COpenSSL

/// The alternative names of a certificate, as far as we compare or show them.
struct CertificateNames: Equatable {
    /// More names than these in one certificate are ignored.
    static let maximumCount = 256

    var dns: [String] = []
    var uris: [String] = []
    var addresses: [String] = []

    /// The names that tell who the owner is.
    var identities: [String] { dns + uris }

    /// All names for an error's text, at most ten of them.
    var summary: String {
        let all = dns.map { "DNS:\($0)" } + uris.map { "URI:\($0)" } + addresses.map { "IP:\($0)" }
        guard !all.isEmpty else { return "no alternative names" }
        return all.prefix(10).joined(separator: ", ") + (all.count > 10 ? ", …" : "")
    }

    init() {}

    /// Reads the names of a certificate.
    ///
    /// - Parameter certificate: An `X509`, which is only borrowed.
    init(of certificate: OpaquePointer) {
        // X509_get_ext_d2i returns a decoded copy of the extension's own type, which for this
        // extension is GENERAL_NAMES; it is ours, and freed below.
        guard let raw = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return }
        let names = OpaquePointer(raw)
        defer { GENERAL_NAMES_free(names) }
        for index in 0..<min(micro_GENERAL_NAMES_count(names), Int32(Self.maximumCount)) {
            var kind: Int32 = 0
            guard let string = micro_GENERAL_NAMES_string(names, index, &kind),
                let start = ASN1_STRING_get0_data(string)
            else { continue }
            // The data of an ASN1_STRING has the length that the string says, and lives as long.
            let bytes = UnsafeBufferPointer(start: start, count: Int(max(ASN1_STRING_length(string), 0)))
            add(Array(bytes), kind: kind)
        }
    }

    private mutating func add(_ bytes: [UInt8], kind: Int32) {
        if kind == GEN_IPADD {
            addresses.append(Self.address(bytes))
            return
        }
        // Anything but printable ASCII is no name: a NUL in the middle is an old attack, and line
        // breaks would forge our log.
        guard bytes.count <= 2048, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return }
        let text = String(decoding: bytes, as: UTF8.self)
        if kind == GEN_DNS { dns.append(text) } else { uris.append(text) }
    }

    private static func address(_ bytes: [UInt8]) -> String {
        guard bytes.count != 4 else { return bytes.map { "\($0)" }.joined(separator: ".") }
        let digits = bytes.prefix(16).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        return stride(from: 0, to: digits.count, by: 2)
            .map { digits[$0..<min($0 + 2, digits.count)].joined() }
            .joined(separator: ":")
    }
}
