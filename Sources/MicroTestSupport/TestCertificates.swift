public import Foundation

/// Throwaway authorities, certificates and keys for tests, made by the `openssl` command.
///
/// The files lie in a directory of their own, which is removed with this object. Keys are P-256, so
/// that a certificate takes some ten milliseconds.
///
/// ```swift
/// let certificates = try await TestCertificates()
/// let server = try await certificates.issue(.server)
/// let tls = TLSConfiguration(
///     certificateChain: .file(server.certificatePath), privateKey: .file(server.keyPath),
///     trustRoots: .file(certificates.rootPath))
/// ```
public final class TestCertificates: Sendable {
    /// Who signs a certificate.
    public enum Authority: String, Sendable {
        /// The authority that a test trusts: ``TestCertificates/rootPath``.
        case trusted

        /// An authority of the same form that a test does not trust: ``TestCertificates/otherRootPath``.
        case other
    }

    /// What a certificate says.
    public struct Subject: Sendable {
        /// The common name, which is also the name of the files.
        public var commonName: String

        /// The subject alternative names as OpenSSL writes them, such as `DNS:localhost`.
        public var alternativeNames: [String]

        /// Whether the certificate ended yesterday.
        public var isExpired: Bool

        /// Creates a subject.
        ///
        /// - Parameters:
        ///   - commonName: The common name, which is also the name of the files.
        ///   - alternativeNames: The alternative names as OpenSSL writes them, such as `DNS:localhost`.
        ///   - isExpired: Whether the certificate ended yesterday.
        public init(_ commonName: String, alternativeNames: [String] = [], isExpired: Bool = false) {
            self.commonName = commonName
            self.alternativeNames = alternativeNames
            self.isExpired = isExpired
        }

        /// A server on this machine: `localhost`, `127.0.0.1` and `::1`.
        public static var server: Self {
            Self("server", alternativeNames: ["DNS:localhost", "IP:127.0.0.1", "IP:::1"])
        }

        /// A server on this machine whose certificate ended yesterday.
        public static var expiredServer: Self {
            Self("expired", alternativeNames: ["DNS:localhost", "IP:127.0.0.1"], isExpired: true)
        }

        /// A server on another machine.
        public static var otherHost: Self {
            Self("other-host", alternativeNames: ["DNS:elsewhere.example", "IP:192.0.2.1"])
        }

        /// A client with a DNS name and a SPIFFE identity.
        public static var client: Self {
            Self(
                "client",
                alternativeNames: ["DNS:client.example", "URI:spiffe://example.org/ns/test/client"])
        }

        /// A service that is named by a DNS name.
        ///
        /// - Parameter name: The name of the service.
        /// - Returns: The subject.
        public static func service(_ name: String) -> Self {
            Self("service-\(name)", alternativeNames: ["DNS:\(name)"])
        }

        /// A service that is named by a SPIFFE identity.
        ///
        /// - Parameter name: The name of the service.
        /// - Returns: The subject.
        public static func spiffeService(_ name: String) -> Self {
            Self("spiffe-\(name)", alternativeNames: ["URI:spiffe://example.org/ns/test/\(name)"])
        }
    }

    /// A certificate with its key, as PEM files, which are there as long as this value is.
    public struct Issued: Sendable {
        /// The path of the certificate.
        public let certificatePath: String

        /// The path of the key.
        public let keyPath: String

        // The directory is removed with its object.
        private let owner: TestCertificates

        fileprivate init(certificatePath: String, keyPath: String, owner: TestCertificates) {
            (self.certificatePath, self.keyPath, self.owner) = (certificatePath, keyPath, owner)
        }
    }

    /// The directory of all files.
    public let directory: URL

    /// The certificate of the authority that a test trusts.
    public var rootPath: String { path("trusted.crt") }

    /// The certificate of the authority that a test does not trust.
    public var otherRootPath: String { path("other.crt") }

    /// Makes a directory with the two authorities.
    ///
    /// - Throws: A ``TestSupportError`` if the `openssl` command isn't there or fails.
    public init() async throws {
        directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("micro-certificates-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        for authority in [Authority.trusted, .other] {
            try await openssl(
                ["req", "-x509", "-days", "30", "-out", root(authority, "crt")]
                    + newKey(at: root(authority, "key"), commonName: "\(authority.rawValue) test authority")
                    + Self.extensions([
                        "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign",
                    ]))
        }
    }

    deinit {
        // A directory that stays is a nuisance in /tmp, not a failed test.
        try? FileManager.default.removeItem(at: directory)
    }

    /// Makes a key and a certificate for it.
    ///
    /// - Parameters:
    ///   - subject: What the certificate says.
    ///   - authority: Who signs it.
    /// - Returns: The paths of both.
    /// - Throws: A ``TestSupportError`` if the `openssl` command fails.
    public func issue(_ subject: Subject, by authority: Authority = .trusted) async throws -> Issued {
        let name = "\(authority.rawValue)-\(subject.commonName)"
        let issued = Issued(certificatePath: path("\(name).crt"), keyPath: path("\(name).key"), owner: self)
        var extensions = ["basicConstraints=critical,CA:FALSE"]
        if !subject.alternativeNames.isEmpty {
            extensions.append("subjectAltName=" + subject.alternativeNames.joined(separator: ","))
        }
        let request = path("\(name).csr")
        try await openssl(
            ["req", "-new", "-out", request]
                + newKey(at: issued.keyPath, commonName: subject.commonName) + Self.extensions(extensions))
        try await openssl([
            "x509", "-req", "-in", request, "-out", issued.certificatePath, "-copy_extensions", "copy",
            "-CA", root(authority, "crt"), "-CAkey", root(authority, "key"),
            "-days", subject.isExpired ? "-1" : "30",
        ])
        return issued
    }

    /// Writes a file beside the certificates.
    ///
    /// - Parameters:
    ///   - text: What the file holds.
    ///   - name: The file's name.
    /// - Returns: The file's path.
    /// - Throws: An error of the file system.
    public func write(_ text: String, as name: String) throws -> String {
        try Data(text.utf8).write(to: directory.appendingPathComponent(name))
        return path(name)
    }

    private func path(_ name: String) -> String { directory.appendingPathComponent(name).path }

    private func root(_ authority: Authority, _ kind: String) -> String {
        path("\(authority.rawValue).\(kind)")
    }

    private func newKey(at path: String, commonName: String) -> [String] {
        [
            "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path,
            "-subj", "/CN=\(commonName)",
        ]
    }

    private static func extensions(_ texts: [String]) -> [String] { texts.flatMap { ["-addext", $0] } }

    private func openssl(_ arguments: [String]) async throws {
        let program = try ForeignProgram("openssl", arguments, package: "openssl")
        let status = try await program.exitStatus()
        guard status == 0 else {
            throw TestSupportError("openssl \(arguments) ended with \(status): \(program.errorOutput)")
        }
    }
}
