import Foundation
import MicroCore
import MicroTLS
import MicroTestSupport
import Testing

@Suite("What a context is made from", .timeLimit(.minutes(2)))
struct TLSContextTests {
    /// The message of the error that a server's context throws.
    private func refusal(
        _ chain: TLSConfiguration.PEMSource?, _ key: TLSConfiguration.PEMSource?,
        trustRoots: TLSConfiguration.PEMSource? = nil, clients: TLSConfiguration.ClientVerification = .none
    ) -> String {
        do {
            _ = try TLSContext(
                TLSConfiguration(
                    certificateChain: chain, privateKey: key, trustRoots: trustRoots,
                    clientVerification: clients),
                role: .server)
            return "no error"
        } catch {
            #expect(error.code == .security)
            return error.message
        }
    }

    @Test("Certificates and keys may be text")
    func text() async throws {
        let certificates = try await TestCertificates()
        let issued = try await certificates.issue(.server)
        let chain = try String(contentsOfFile: issued.certificatePath, encoding: .utf8)
        let key = try String(contentsOfFile: issued.keyPath, encoding: .utf8)
        #expect(refusal(.text(chain), .text(key)) == "no error")
        #expect(refusal(.text(key), .text(key)).contains("no certificate in PEM form"))
        let secret = key.split(separator: "\n")[1]
        #expect(!refusal(.text(chain), .text(chain + key.dropLast(60))).contains(secret))
    }

    @Test("A server needs a certificate and a key")
    func incomplete() async throws {
        let issued = try await TestCertificates().issue(.server)
        #expect(refusal(nil, nil).contains("needs a certificate chain"))
        #expect(refusal(.file(issued.certificatePath), nil).contains("without its private key"))
        #expect(refusal(nil, .file(issued.keyPath)).contains("without its certificate chain"))
    }

    @Test("A file that can't be read is named with the reason")
    func unreadable() async throws {
        let certificates = try await TestCertificates()
        let issued = try await certificates.issue(.server)
        let missing = refusal(.file("/nowhere/tls.crt"), .file(issued.keyPath))
        #expect(missing.contains("/nowhere/tls.crt") && missing.contains("No such file"))
        let directory = refusal(.file(issued.certificatePath), .file("/tmp"))
        #expect(directory.contains("private key (file /tmp)") && directory.contains("no regular file"))
        #expect(refusal(.file("/dev/zero"), .file(issued.keyPath)).contains("no regular file"))
        #expect(refusal(.file("\u{0}"), .file(issued.keyPath)).contains("can't be read"))
    }

    @Test("Text that is no PEM, or damaged, is told apart")
    func damaged() async throws {
        let certificates = try await TestCertificates()
        let issued = try await certificates.issue(.server)
        let (chain, key) = (issued.certificatePath, issued.keyPath)
        let pem = try String(contentsOfFile: chain, encoding: .utf8)
        #expect(refusal(.text(""), .file(key)).contains("no certificate in PEM form"))
        #expect(
            refusal(.text(pem.replacingOccurrences(of: "MII", with: "M!I")), .file(key)).contains("damaged"))
        #expect(
            refusal(.text(pem + String(pem.dropLast(80))), .file(key)).contains(
                "damaged certificate at position 2"))
        #expect(refusal(.file(chain), .file(chain)).contains("no private key in PEM form"))
        let swapped = refusal(.file(key), .file(chain))
        #expect(swapped.contains(key) && swapped.contains("Check that it isn't the key"))
        let keyText = try String(contentsOfFile: key, encoding: .utf8)
        #expect(refusal(.file(chain), .text(String(keyText.dropLast(60)))).contains("damaged"))
    }

    @Test("An encrypted key is refused without asking for its passphrase")
    func encrypted() async throws {
        let certificates = try await TestCertificates()
        let issued = try await certificates.issue(.server)
        let path = certificates.directory.appendingPathComponent("encrypted.key").path
        let program = try ForeignProgram(
            "openssl", ["pkey", "-in", issued.keyPath, "-aes128", "-passout", "pass:secret", "-out", path])
        try #require(try await program.exitStatus() == 0)
        #expect(refusal(.file(issued.certificatePath), .file(path)).contains("is encrypted"))
    }

    @Test("A key of another certificate, and an expired certificate, are refused")
    func mismatch() async throws {
        let certificates = try await TestCertificates()
        let server = try await certificates.issue(.server)
        let client = try await certificates.issue(.client)
        let message = refusal(.file(server.certificatePath), .file(client.keyPath))
        #expect(message.contains(server.certificatePath) && message.contains(client.keyPath))
        #expect(message.contains("doesn't belong"))
        let expired = try await certificates.issue(.expiredServer)
        let expiry = refusal(.file(expired.certificatePath), .file(expired.keyPath))
        #expect(expiry.contains(expired.certificatePath) && expiry.contains("expired on 20"))
    }

    @Test("Verifying clients needs trust roots, which must be readable")
    func trust() async throws {
        let issued = try await TestCertificates().issue(.server)
        let (chain, key) = (
            TLSConfiguration.PEMSource.file(issued.certificatePath),
            TLSConfiguration.PEMSource.file(issued.keyPath)
        )
        #expect(refusal(chain, key, clients: .required).contains("no trust roots"))
        #expect(refusal(chain, key, trustRoots: .text("x"), clients: .required).contains("trust roots"))
    }

    @Test("A client needs nothing: it trusts the system's roots")
    func client() throws {
        _ = try TLSContext(TLSConfiguration(), role: .client, alpn: ["h2"])
        #expect(throws: StartError.self) { try TLSContext(TLSConfiguration(), role: .client, alpn: [""]) }
    }
}
