import Foundation
import InMemoryLogging
import Logging
import MicroCore
import MicroTLS
import MicroTestSupport
import MicroTesting
import Testing

/// Certificates that change while a program runs.
@Suite("Reloaded files", .timeLimit(.minutes(2)))
struct ReloadTests {
    private static let interval = Duration.seconds(10)

    private let certificates: TestCertificates
    private let clock = ManualClock()
    private let log = InMemoryLogHandler()

    init() async throws { certificates = try await TestCertificates() }

    // MARK: - Servers

    @Test("New connections get the new certificate, and open ones go on", arguments: Replacement.allCases)
    func renewal(_ how: Replacement) async throws {
        let files = try Live(certificates, how)
        try await files.put(issue("first"))
        try await withServer(files) { server in
            let old = try await connect(to: server.port, clientContext())
            _ = try await old.record.waitForHandshake()
            #expect(try await subject(server) == "first")
            try await files.put(issue("second"))
            // It is not looked at before its time.
            clock.advance(by: Self.interval - .milliseconds(1))
            #expect(try await subject(server) == "first")
            clock.advance(by: .milliseconds(1))
            #expect(try await subject(server) == "second")
            try await old.send(Array("still here".utf8))
            try await old.record.wait("the echo") { $0.received == Array("still here".utf8) }
            #expect(old.record.now.errors.isEmpty)
            try await old.close()
        }
        #expect(lines(.notice).count == 1 && lines(.warning).isEmpty)
    }

    @Test("A pair of which one half is written is tried again, and nobody notices")
    func halfWritten() async throws {
        let files = try Live(certificates)
        try await files.put(issue("first"))
        try await withServer(files) { server in
            let next = try await issue("second")
            try files.putCertificate(of: next)
            clock.advance(by: Self.interval)
            #expect(try await subject(server) == "first")
            try files.putKey(of: next)
            // Sooner than the interval.
            clock.advance(by: .seconds(1))
            #expect(try await subject(server) == "second")
        }
        #expect(lines(.warning).isEmpty)
    }

    @Test(
        "Files that can't be used leave everything as it is, and are logged once", arguments: Damage.allCases)
    func badFiles(_ damage: Damage) async throws {
        let files = try Live(certificates)
        let good = try await issue("first")
        try files.put(good)
        try await withServer(files) { server in
            let other = try await issue("second")
            try damage.apply(to: files, other)
            for _ in 0..<5 {
                clock.advance(by: Self.interval)
                #expect(try await subject(server) == "first")
            }
            try files.put(other)
            clock.advance(by: Self.interval)
            #expect(try await subject(server) == "second")
        }
        let warnings = lines(.warning)
        #expect(warnings.count == 1 && lines(.notice).count == 1)
        let reason = warnings.first?.metadata["error.message"].map { "\($0)" } ?? ""
        #expect(reason.contains(damage.reason) && reason.contains(files.directory.path), "\(reason)")
        try expectNoKeyInLog(files)
    }

    @Test("Another reason is logged again; the files of before are no news")
    func otherReason() async throws {
        let files = try Live(certificates)
        let good = try await issue("first")
        try files.put(good)
        let context = try logged { try serverContext(files) }
        let server = try await LoopbackServer.start(context, .echo)
        func look(_ count: Int) async throws {
            for _ in 0..<count {
                clock.advance(by: Self.interval)
                #expect(try await subject(server) == "first")
            }
        }
        try files.writeKey("nonsense")
        try await look(3)
        try files.put(good)
        try await look(1)
        try files.writeKey("nonsense")
        try await look(2)
        try FileManager.default.removeItem(at: files.key)
        try await look(3)
        #expect(lines(.warning).count == 3 && lines(.notice).isEmpty)
        try await server.stop()
    }

    @Test("Another authority of clients counts for new connections alone")
    func authorities() async throws {
        let files = try Live(certificates)
        try await files.put(issue("first"))
        let roots = files.directory.appending(path: "ca.pem")
        try FileManager.default.copyItem(atPath: certificates.rootPath, toPath: roots.path)
        let context = try logged {
            var configuration = files.configuration
            configuration.trustRoots = .file(roots.path)
            configuration.clientVerification = .required
            return try TLSContext(configuration, role: .server, alpn: ["h2"], clock: clock)
        }
        let server = try await LoopbackServer.start(context, .echo)
        let old = try await connect(to: server.port, try await clientContext(.client))
        _ = try await server.end(0).record.waitForHandshake()
        let other = try await connect(to: server.port, try await clientContext(.client, by: .other))
        #expect(try await server.end(1).record.waitForTLSError().code == .peerNotTrusted)
        try await other.record.waitForClose()

        try Data(contentsOf: URL(filePath: certificates.otherRootPath)).write(to: roots, options: .atomic)
        clock.advance(by: Self.interval)
        let accepted = try await connect(to: server.port, try await clientContext(.client, by: .other))
        _ = try await server.end(2).record.waitForHandshake()
        let refused = try await connect(to: server.port, try await clientContext(.client))
        #expect(try await server.end(3).record.waitForTLSError().code == .peerNotTrusted)
        try await refused.record.waitForClose()
        try await old.send(Array("old".utf8))
        try await old.record.wait("the echo") { $0.received == Array("old".utf8) }
        for end in [old, accepted] { try await end.close() }
        try await server.stop()
    }

    // MARK: - Clients

    @Test("A client shows its new certificate, and trusts the new authority")
    func clientFiles() async throws {
        let files = try Live(certificates)
        let first = try await certificates.issue(.client)
        try files.put(first)
        let roots = files.directory.appending(path: "ca.pem")
        try FileManager.default.copyItem(atPath: certificates.rootPath, toPath: roots.path)
        var configuration = files.configuration
        configuration.trustRoots = .file(roots.path)
        let context = try TLSContext(configuration, role: .client, alpn: ["h2"], clock: clock)

        /// What a server of an authority hears of who the client is.
        func identities(by authority: TestCertificates.Authority) async throws -> [String] {
            let issued = try await certificates.issue(.server, by: authority)
            let server = try await LoopbackServer.start(
                try TLSContext(
                    TLSConfiguration(
                        certificateChain: .file(issued.certificatePath), privateKey: .file(issued.keyPath),
                        trustRoots: .file(certificates.rootPath), clientVerification: .required),
                    role: .server, alpn: ["h2"]))
            let end = try await connect(to: server.port, context)
            _ = try await end.record.waitForHandshake()
            let identities = try await server.end().record.waitForHandshake().peerIdentities
            try await end.close()
            try await server.stop()
            return identities
        }
        #expect(try await identities(by: .trusted).contains("client.example"))
        let second = try await certificates.issue(.init("next", alternativeNames: ["DNS:next.example"]))
        try files.put(second)
        try Data(contentsOf: URL(filePath: certificates.otherRootPath)).write(to: roots, options: .atomic)
        clock.advance(by: Self.interval)
        #expect(try await identities(by: .other) == ["next.example"])
        await #expect(throws: (any Error).self) { try await identities(by: .trusted) }
    }

    // MARK: - When

    @Test("On demand they are looked at now, and the reason is the caller's")
    func onDemand() async throws {
        let files = try Live(certificates)
        try await files.put(issue("first"))
        let context = try logged { try serverContext(files, interval: .zero) }
        let server = try await LoopbackServer.start(context, .echo)
        #expect(try context.reload() == false)
        try await files.put(issue("second"))
        clock.advance(by: .seconds(24 * 3600))
        // An interval of zero is none.
        #expect(try await subject(server) == "first")
        #expect(try context.reload() && !context.reload())
        #expect(try await subject(server) == "second")
        try files.writeKey("nonsense")
        let error = #expect(throws: StartError.self) { try context.reload() }
        #expect(error?.code == .security)
        #expect(try await subject(server) == "second")
        #expect(lines(.warning).isEmpty)
        try await server.stop()
    }

    @Test("Many connections at once while files change all the time")
    func race() async throws {
        let files = try Live(certificates)
        let pairs = try await [issue("first"), issue("second")]
        try files.put(pairs[0])
        let context = try serverContext(files, interval: .nanoseconds(1), clock: ContinuousClock())
        let server = try await LoopbackServer.start(context, .echo)
        let trusting = try clientContext()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<25 {
                        let end = try await connect(to: server.port, trusting)
                        _ = try await end.record.waitForHandshake()
                        try await end.send([1])
                        try await end.record.wait("the echo") { $0.received == [1] }
                        try await end.close()
                    }
                }
            }
            for step in 0..<50 {
                try files.put(pairs[step % 2])
                try await Task.sleep(for: .milliseconds(5))
            }
            try await group.waitForAll()
        }
        try await server.stop()
    }

    // MARK: - Support

    /// Ways to replace a file.
    enum Replacement: CaseIterable {
        case inPlace, rename, symbolicLink
    }

    /// Ways to get it wrong.
    enum Damage: CaseIterable {
        case damagedCertificate, otherKey, noKey, expired, unreadable

        var reason: String {
            switch self {
            case .damagedCertificate: "damaged certificate"
            case .otherKey: "doesn't belong to the first certificate"
            case .noKey: "no private key in PEM form"
            case .expired: "expired on"
            case .unreadable: "can't be read"
            }
        }

        func apply(to files: Live, _ other: TestCertificates.Issued) throws {
            switch self {
            case .damagedCertificate:
                let text = try String(contentsOfFile: other.certificatePath, encoding: .utf8)
                try files.put(other)
                try files.writeCertificate(text.replacingOccurrences(of: "MII", with: "M!I"))
            case .otherKey: try files.putKey(of: other)
            case .noKey: try files.writeKey("")
            case .expired:
                let expired = URL(filePath: other.certificatePath).deletingLastPathComponent()
                try files.putKey(at: expired.appending(path: "trusted-expired.key").path)
                try files.putCertificate(at: expired.appending(path: "trusted-expired.crt").path)
            case .unreadable: try FileManager.default.removeItem(at: files.certificate)
            }
        }
    }

    /// The files of a running program.
    final class Live: Sendable {
        let directory: URL
        let certificate: URL
        let key: URL
        private let how: Replacement

        init(_ certificates: TestCertificates, _ how: Replacement = .inPlace) throws {
            directory = certificates.directory.appending(path: "live")
            certificate = directory.appending(path: "tls.crt")
            key = directory.appending(path: "tls.key")
            self.how = how
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        }

        var configuration: TLSConfiguration {
            TLSConfiguration(
                certificateChain: .file(certificate.path), privateKey: .file(key.path),
                reloadInterval: ReloadTests.interval)
        }

        func put(_ issued: TestCertificates.Issued) throws {
            try putCertificate(of: issued)
            try putKey(of: issued)
        }

        func putCertificate(of issued: TestCertificates.Issued) throws {
            try putCertificate(at: issued.certificatePath)
        }

        func putKey(of issued: TestCertificates.Issued) throws { try putKey(at: issued.keyPath) }

        func putCertificate(at path: String) throws { try replace(certificate, by: path) }

        func putKey(at path: String) throws { try replace(key, by: path) }

        func writeCertificate(_ text: String) throws { try Data(text.utf8).write(to: certificate) }

        func writeKey(_ text: String) throws { try Data(text.utf8).write(to: key) }

        private func replace(_ file: URL, by path: String) throws {
            switch how {
            case .inPlace: try Data(contentsOf: URL(filePath: path)).write(to: file)
            case .rename: try Data(contentsOf: URL(filePath: path)).write(to: file, options: .atomic)
            case .symbolicLink:
                try? FileManager.default.removeItem(at: file)
                try FileManager.default.createSymbolicLink(
                    at: file, withDestinationURL: URL(filePath: path))
            }
        }
    }

    /// Makes a certificate for this machine with a name of its own.
    private func issue(_ name: String) async throws -> TestCertificates.Issued {
        _ = try await certificates.issue(.expiredServer)
        return try await certificates.issue(
            .init(name, alternativeNames: TestCertificates.Subject.server.alternativeNames))
    }

    private func serverContext(
        _ files: Live, interval: Duration = Self.interval, clock: (any Clock<Duration>)? = nil
    ) throws -> TLSContext {
        var configuration = files.configuration
        configuration.reloadInterval = interval
        return try TLSContext(configuration, role: .server, alpn: ["h2"], clock: clock ?? self.clock)
    }

    private func clientContext() throws -> TLSContext {
        try TLSContext(
            TLSConfiguration(trustRoots: .file(certificates.rootPath)), role: .client, alpn: ["h2"])
    }

    private func clientContext(
        _ subject: TestCertificates.Subject, by authority: TestCertificates.Authority = .trusted
    ) async throws -> TLSContext {
        let issued = try await certificates.issue(subject, by: authority)
        return try TLSContext(
            TLSConfiguration(
                certificateChain: .file(issued.certificatePath), privateKey: .file(issued.keyPath),
                trustRoots: .file(certificates.rootPath)), role: .client, alpn: ["h2"])
    }

    private func withServer(_ files: Live, _ body: (LoopbackServer) async throws -> Void) async throws {
        let server = try await LoopbackServer.start(try logged { try serverContext(files) }, .echo)
        try await body(server)
        try await server.stop()
    }

    /// Makes a context whose log is kept.
    private func logged(_ make: () throws -> TLSContext) throws -> TLSContext {
        var logger = Logger(label: "test") { _ in log }
        logger.logLevel = .trace
        return try withLogger(logger) { _ in try make() }
    }

    private func lines(_ level: Logger.Level) -> [InMemoryLogHandler.Entry] {
        log.entries.filter { $0.level == level }
    }

    /// The common name of the certificate that a server shows to the openssl command.
    private func subject(_ server: LoopbackServer) async throws -> String {
        let program = try ForeignProgram(
            "openssl",
            [
                "s_client", "-connect", "127.0.0.1:\(server.port)", "-CAfile", certificates.rootPath,
                "-alpn", "h2", "-verify_return_error",
            ], package: "openssl")
        program.closeInput()
        let status = try await program.exitStatus()
        #expect(status == 0, "\(program.errorOutput)")
        return program.output.firstMatch(of: /subject=.*CN ?= ?(\w+)/).map { String($0.1) } ?? ""
    }

    private func expectNoKeyInLog(_ files: Live) throws {
        let keys = try FileManager.default.contentsOfDirectory(atPath: certificates.directory.path)
            .filter { $0.hasSuffix(".key") }
            .flatMap {
                try String(
                    contentsOf: certificates.directory.appending(path: $0), encoding: .utf8
                ).split(separator: "\n").filter { !$0.hasPrefix("-----") }
            }
        #expect(keys.count > 3)
        let text = log.entries.map { "\($0.message) \($0.metadata)" }.joined(separator: "\n")
        for line in keys { #expect(!text.contains(line)) }
    }
}
